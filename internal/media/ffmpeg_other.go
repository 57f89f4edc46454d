//go:build !linux

package media

import (
	"io"
	"os"
	"runtime"

	"raksha.example/raksha/internal/fault"
)

// filmMain is only there on Linux.
func filmMain(io.Reader, io.Writer) error { return noFilms() }

func memoryFile([]byte) (*os.File, error) { return nil, noFilms() }

func noFilms() error {
	return fault.Coded(fault.NotSupported, "no_ffmpeg", "films are decoded on Linux only, where ffmpeg can be confined; this is %s", runtime.GOOS)
}
