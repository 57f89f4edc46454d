package main

import (
	"context"
	"fmt"
	"os/exec"
	"strings"

	"raksha.example/raksha/internal/media"
)

// films looks for ffmpeg, without which films have exact hashes only.
func films(ctx context.Context, pool *media.Pool) []finding {
	f := finding{Name: "ffmpeg"}
	path, err := exec.LookPath("ffmpeg")
	if err != nil {
		f.Detail = "not installed: films are matched by their exact hashes only; install Debian's package ffmpeg"
		return []finding{f}
	}
	out, err := exec.CommandContext(ctx, path, "-version").Output()
	words := strings.Fields(string(out)) // "ffmpeg version 5.1.9-0+deb12u1 Copyright ..."
	if err != nil || len(words) < 3 || words[1] != "version" {
		f.Detail = fmt.Sprintf("%s does not tell its version", path)
		return []finding{f}
	}
	f.OK, f.Detail = true, fmt.Sprintf("%s, version %s", path, words[2])
	return append([]finding{f}, protections(pool.FilmProtections(ctx))...)
}
