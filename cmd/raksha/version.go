package main

import (
	"fmt"
	"runtime"
)

// version is the release; the build may set it with -ldflags.
var version = "0.1-dev"

type versionCmd struct{}

// Run prints one line.
func (versionCmd) Run(s streams) error {
	_, err := fmt.Fprintf(s.out, "raksha %s %s %s/%s\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
