// Package jurisdictions holds the law that Raksha applies, as data: one file per jurisdiction with its dated rules,
// offences, steps of procedure, ranks and numbering. Package rules reads and checks it. This is not legal advice: each
// line carries its source and how certain it is.
package jurisdictions

import "embed"

// Files holds the files as they were built in.
//
//go:embed *.yaml
var Files embed.FS
