package main

import "raksha.example/raksha/internal/media"

// mediaChildCmd is the child process that decodes hostile media for a media.Pool. It is no command for people: it speaks a binary
// protocol on its standard input and output and gives up every right before it reads a byte.
type mediaChildCmd struct {
	Decoder string `arg:"" help:"Which formats it decodes."`
}

// Run serves until the input ends.
func (c mediaChildCmd) Run(s streams) error { return media.ChildMain(s.in, s.out, c.Decoder) }
