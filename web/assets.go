// Package web holds the files that the build brings into the program.
package web

import (
	"embed"
	"io/fs"
)

//go:embed dist
var dist embed.FS

// Fonts is the folder of the fonts; it is empty in a program that was built without make.
func Fonts() fs.FS {
	f, err := fs.Sub(dist, "dist/fonts")
	if err != nil {
		return embed.FS{} // the path is well formed: it does not happen
	}
	return f
}
