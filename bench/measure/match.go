package measure

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"raksha.example/raksha/bench/dataset"
	"raksha.example/raksha/hamming"
)

// Match are the figures of searching n hashes within 31 bits.
type Match struct {
	N             int     `json:"n"`
	MissUS        float64 `json:"miss_us"`            // a query that mostly finds nothing, in microseconds
	MissP99US     float64 `json:"miss_p99_us"`        // 99 of 100 such queries take less
	HitUS         float64 `json:"hit_us"`             // a query near one of the hashes
	Image8US      float64 `json:"image8_us"`          // eight queries in one call
	Recall        float64 `json:"recall"`             // share of planted neighbours found, and 1 only if brute force agrees
	BytesPerHash  float64 `json:"bytes_per_hash"`     // of the index, with payload ids
	BuildS        float64 `json:"build_s"`            // building the index, in seconds
	LargestBucket int     `json:"largest_bucket"`     // most hashes that agree in a chunk of 16 bits
	Kernel        string  `json:"kernel"`             // hamming.Kernels
	Data          string  `json:"data"`               // uniform, pictures or crowded
	File          string  `json:"file,omitempty"`     // where the index is mapped from
	FirstUS       float64 `json:"first_us,omitempty"` // the first query after opening a file, which checks what it reads
}

// MatchOptions say what to measure.
type MatchOptions struct {
	N      int
	Data   string // uniform, pictures or crowded
	Base   int    // pictures drawn; the others are copies
	Seed   uint64
	Kernel string // empty for the fastest
	File   string // measure an index that is mapped from this file, which is written first; uniform data only
	Save   string // folder to write the data to, for other programs
	Log    io.Writer
}

const radius = 31

// RunMatch measures. An error means that a figure could not be had; figures with a recall below 1 are wrong results.
func RunMatch(o MatchOptions) (m Match, err error) {
	m = Match{N: o.N, Data: o.Data, Kernel: o.Kernel, File: o.File}
	if o.N < 1 {
		return m, fmt.Errorf("there must be hashes to search: n is %d", o.N)
	}
	if m.Kernel == "" {
		m.Kernel = hamming.Kernels()[0]
	}
	var set dataset.Set
	var x *hamming.Index
	start := time.Now()
	switch {
	case o.File != "" && o.Data == "uniform":
		fmt.Fprintf(o.Log, "writing %d hashes to %s\n", o.N, o.File)
		set = dataset.UniformQueries(o.N, o.Seed)
		if err := hamming.WriteFile(o.File, set.Stream); err != nil {
			return m, err
		}
		m.BuildS = round(time.Since(start).Seconds())
		if x, err = hamming.Open(o.File); err != nil {
			return m, err
		}
	case o.File != "":
		return m, fmt.Errorf("a file can only be measured with uniform data")
	default:
		fmt.Fprintf(o.Log, "making %d hashes of kind %s\n", o.N, o.Data)
		switch o.Data {
		case "uniform":
			set = dataset.Uniform(o.N, o.Seed)
		case "pictures":
			set = dataset.Pictures(o.N, min(o.N, o.Base), o.Seed)
		case "crowded":
			set = dataset.Crowded(o.N, o.Seed)
		default:
			return m, fmt.Errorf("no such data %q: choose uniform, pictures or crowded", o.Data)
		}
		if o.Save != "" {
			if err := save(o.Save, set); err != nil {
				return m, err
			}
		}
		start = time.Now()
		x = hamming.Build(set.Hashes, nil)
		m.BuildS = round(time.Since(start).Seconds())
	}
	if !x.Use(m.Kernel) {
		return m, fmt.Errorf("this processor has no kernel %q: choose one of %v", m.Kernel, hamming.Kernels())
	}
	m.BytesPerHash = round(float64(x.Bytes()) / float64(o.N))
	m.LargestBucket = x.LargestBucket()

	fmt.Fprintln(o.Log, "searching")
	start = time.Now()
	x.Search(set.Miss[0], radius, nil)
	if o.File != "" {
		m.FirstUS = round(time.Since(start).Seconds() * 1e6)
		start = time.Now()
		if err := x.Verify(); err != nil {
			return m, err
		}
		fmt.Fprintf(o.Log, "checked the whole file in %.1f s\n", time.Since(start).Seconds())
	}
	var hits []hamming.Hit
	median, p99 := timed(64, 2*time.Second, func(i int) { hits = x.Search(set.Miss[i%len(set.Miss)], radius, hits[:0]) })
	m.MissUS, m.MissP99US = round(median*1e6), round(p99*1e6)
	median, _ = timed(64, 2*time.Second, func(i int) { hits = x.Search(set.Hit[i%len(set.Hit)], radius, hits[:0]) })
	m.HitUS = round(median * 1e6)
	var all []hamming.BatchHit
	median, _ = timed(16, 2*time.Second, func(i int) {
		all = x.SearchBatch(set.Miss[8*i%(len(set.Miss)-7):][:8], radius, all[:0])
	})
	m.Image8US = round(median * 1e6)

	fmt.Fprintln(o.Log, "checking the results")
	m.Recall = recall(x, set)
	if set.Hashes != nil && !agrees(x, set) {
		m.Recall = min(m.Recall, 0.999)
		return m, fmt.Errorf("the index and brute force disagree")
	}
	return m, x.Err()
}

// recall gives the share of the planted neighbours that are found at their distance.
func recall(x *hamming.Index, set dataset.Set) float64 {
	found := 0
	for i, q := range set.Hit {
		if slices.Contains(x.Search(q, radius, nil), hamming.Hit{ID: uint64(set.Source[i]), Distance: i % 32}) {
			found++
		}
	}
	return float64(found) / float64(len(set.Hit))
}

// agrees compares all hits of 64 planted neighbours, two at each distance, with brute force.
func agrees(x *hamming.Index, set dataset.Set) bool {
	queries := set.Hit[:64]
	want := make([][]hamming.Hit, len(queries))
	for i := range set.Hashes {
		for k := range queries {
			if d := hamming.Distance(&set.Hashes[i], &queries[k]); d <= radius {
				want[k] = append(want[k], hamming.Hit{ID: uint64(i), Distance: d})
			}
		}
	}
	for k, q := range queries {
		slices.SortFunc(want[k], func(a, b hamming.Hit) int {
			return cmp.Or(cmp.Compare(a.Distance, b.Distance), cmp.Compare(a.ID, b.ID))
		})
		if !slices.Equal(x.Search(q, radius, nil), want[k]) {
			return false
		}
	}
	return true
}

// save writes the data as bytes: hashes, miss and hit of 32 bytes each, source of 4, little endian.
func save(dir string, set dataset.Set) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, hashes := range map[string][]dataset.Hash{"hashes": set.Hashes, "miss": set.Miss, "hit": set.Hit} {
		b := make([]byte, 0, 32*len(hashes))
		for i := range hashes {
			b = append(b, hashes[i][:]...)
		}
		if err := os.WriteFile(filepath.Join(dir, name+".bin"), b, 0o644); err != nil {
			return err
		}
	}
	var b []byte
	for _, s := range set.Source {
		b = binary.LittleEndian.AppendUint32(b, uint32(s))
	}
	return os.WriteFile(filepath.Join(dir, "source.bin"), b, 0o644)
}
