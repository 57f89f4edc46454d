//go:build !linux

package media

import (
	"os"
	"runtime"
)

// confine gives up nothing: the ways to do so are those of Linux. The process boundary and the parent's time limit remain.
func confine() Protections {
	detail := "not available on " + runtime.GOOS
	return Protections{{"privileges", false, detail}, {"files", false, detail}, {"calls", false, detail},
		{"limits", false, detail}, {"dumps", false, detail}, {"descriptors", false, detail}}
}

// peakMemory is not known: its unit differs between systems.
func peakMemory(*os.ProcessState) int64 { return 0 }

func ownPeak() int64 { return 0 }
