package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"raksha.example/raksha/bench/measure"
	"raksha.example/raksha/internal/fault"
)

type benchVideoCmd struct {
	Seconds int  `default:"60" help:"Play time of the film that is made for it, 1280x720 at 30 frames a second; of a longer one, the first 20 seconds are repeated."`
	Turns   int  `default:"2" help:"How often each way is measured."`
	JSON    bool `name:"json" help:"Print an object."`
}

// Run measures hashing films against ffmpeg's own decoding, and counts false matches. Its answer is negative if there is one.
func (c benchVideoCmd) Run(ctx context.Context, s streams) error {
	if c.Seconds < 2 || c.Seconds > 600 || c.Turns < 1 || c.Turns > 100 {
		return fault.New(fault.Invalid, "choose 2 to 600 seconds and 1 to 100 turns")
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	v, err := measure.RunVideo(ctx, exe, c.Seconds, c.Turns)
	if err != nil {
		return err
	}
	if c.JSON {
		err = json.NewEncoder(s.out).Encode(v)
	} else {
		_, err = fmt.Fprintf(s.out, `%dx%d, %d frames a second, %d s, H.264 of %.1f Mbit/s; one core, by processor time
hashed           %6.1f times real time (%.1f by the clock), start and all
every frame      %6.1f times real time
ffmpeg decoding  %6.1f times real time (%.1f by the clock)
start            %6.0f ms of a confined ffmpeg
hashes differ by %6.1f bits from those of every frame, %d at most
false matches    %6d of %d pairs of films; %d have a frame in common
`, v.Width, v.Height, v.Rate, v.Seconds, float64(v.Bytes)*8/1e6/float64(v.Seconds), v.RealtimeX, v.WallX, v.EveryX, v.FFmpegX, v.FFmpegWall, v.StartMS,
			v.QuickMean, v.QuickMost, v.False, v.Pairs, v.Near)
	}
	if err == nil && v.False > 0 {
		return negative
	}
	return err
}
