package main

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"

	"raksha.example/raksha/bench/measure"
	"raksha.example/raksha/internal/fault"
)

type benchCmd struct {
	Hash   benchHashCmd   `cmd:"" help:"Measure hashing."`
	Match  benchMatchCmd  `cmd:"" help:"Measure matching, and check the results against brute force."`
	Media  benchMediaCmd  `cmd:"" help:"Measure decoding in confined processes against decoding in this one."`
	Record benchRecordCmd `cmd:"" help:"Measure the verification of a record."`
	Serve  benchServeCmd  `cmd:"" help:"Measure the match service from a second process."`
	Video  benchVideoCmd  `cmd:"" help:"Measure hashing films against the decoding alone, and count false matches; needs ffmpeg."`
	Store  benchStoreCmd  `cmd:"" help:"Measure durable writes, from one writer and from 64 at once."`
	Tips   benchTipsCmd   `cmd:"" help:"Measure the intake of reports from a second process, and the reading of queues."`
}

type benchHashCmd struct {
	JSON   bool `name:"json" help:"Print an object."`
	Scales int  `placeholder:"PICTURES" help:"Measure instead by how many bits the profile fast differs, with so many pictures at each scale."`
}

// Run measures on one thread. To measure without vector instructions, set GODEBUG=cpu.avx2=off.
func (c benchHashCmd) Run(s streams) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if c.Scales > 0 {
		return c.scales(s)
	}
	h, err := measure.RunHash()
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(s.out).Encode(h)
	}
	_, err = fmt.Fprintf(s.out, `512x512 RGB             %8.3f ms
64x64 RGB               %8.2f us
512x512, 8 orientations %8.3f ms
12 MP JPEG, fast        %8.1f ms (%d bytes)
12 MP JPEG, image/jpeg  %8.1f ms
kernel                  %s
`, h.RGB512MS, h.RGB64US, h.Dihedral512MS, h.JPEG12MPMS, h.JPEGBytes, h.JPEG12MPStdMS, h.Kernel)
	return err
}

func (c benchHashCmd) scales(s streams) error {
	all, err := measure.RunScaling(c.Scales)
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(s.out).Encode(all)
	}
	fmt.Fprintf(s.out, "%d pictures at each scale; bits, mean and most\nscale  fast-full    fast-meta512 full-meta512\n", c.Scales)
	for _, v := range all {
		fmt.Fprintf(s.out, "1/%d    %5.1f %3d    %5.1f %3d    %5.1f %3d\n", v.Scale, v.FullMean, v.FullMax, v.MetaMean, v.MetaMax, v.BothMean, v.BothMax)
	}
	return nil
}

type benchMatchCmd struct {
	N      int    `default:"1000000" help:"Hashes to search."`
	Data   string `default:"uniform" enum:"uniform,pictures,crowded" help:"Random bits, the hashes of synthetic pictures and their copies, or random bits of which half agree in two neighbouring chunks: the worst that there is."`
	Base   int    `default:"100000" help:"Pictures to draw; the others are copies with up to 60 bits changed."`
	Seed   uint64 `default:"1" help:"Another seed gives other data."`
	Kernel string `help:"Inner loops to use instead of the fastest: avx512, avx2 or go."`
	File   string `help:"Write the index to this file as a stream, and search it there."`
	Save   string `help:"Folder to write the data to, for other programs."`
	JSON   bool   `name:"json" help:"Print an object."`
}

// Run measures on one thread; only its preparations use more. Its answer is negative if a result is wrong.
func (c benchMatchCmd) Run(s streams) error {
	log := s.err
	if c.JSON {
		log = io.Discard
	}
	m, err := measure.RunMatch(measure.MatchOptions{N: c.N, Data: c.Data, Base: c.Base, Seed: c.Seed, Kernel: c.Kernel, File: c.File, Save: c.Save, Log: log})
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "the measurement failed: %v", err)
	}
	if c.JSON {
		err = json.NewEncoder(s.out).Encode(m)
	} else {
		_, err = fmt.Fprintf(s.out, `%d hashes, %s, within 31 bits
miss            %8.1f us, 99 of 100 under %.1f
hit             %8.1f us
8 orientations  %8.1f us
recall          %8.4g
memory          %8.1f bytes a hash
build           %8.2f s
largest bucket  %8d hashes
kernel          %8s
`, m.N, m.Data, m.MissUS, m.MissP99US, m.HitUS, m.Image8US, m.Recall, m.BytesPerHash, m.BuildS, m.LargestBucket, m.Kernel)
		if m.File != "" {
			fmt.Fprintf(s.out, "first query     %8.1f us, from %s\n", m.FirstUS, m.File)
		}
	}
	if err == nil && m.Recall < 1 {
		return negative
	}
	return err
}
