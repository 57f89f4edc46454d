package measure

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"image"
	"image/jpeg"
	"runtime"
	"sync"
	"time"

	"raksha.example/raksha/internal/media"
	"raksha.example/raksha/pdq"
)

// Media are the figures of decoding and hashing pictures in confined processes.
type Media struct {
	InProcessPerS float64 `json:"inprocess_per_s"` // pictures a second, decoded and hashed in this process
	PoolPerS      float64 `json:"pool_per_s"`      // likewise, by confined children
	Ratio         float64 `json:"ratio"`           // of the second to the first
	Children      int     `json:"children"`        // as many as goroutines in this process
	Width         int     `json:"width"`           // pixels
	Height        int     `json:"height"`
	Bytes         int     `json:"bytes"`            // of the JPEG file
	StartMS       float64 `json:"start_ms"`         // until a child has answered for its first picture
	Turns         int     `json:"turns"`            // measured by turns, so that what else the machine does meets both alike
	TurnSeconds   float64 `json:"turn_s"`           // each
	RatioWorst    float64 `json:"ratio_worst"`      // of one pair of turns
	RatioBest     float64 `json:"ratio_best"`       // likewise
	InProcessMS   float64 `json:"inprocess_cpu_ms"` // processor time for a picture: what it costs when the machine has other work, too
	PoolMS        float64 `json:"pool_cpu_ms"`      // likewise, of parent and children together
	Confined      bool    `json:"fully_confined"`   // the children had every protection
}

// RunMedia measures with 1024x768 pixels, a JPEG file of about 100 KB. exe is a binary that can be a media child.
func RunMedia(ctx context.Context, exe string, turns int) (m Media, err error) {
	const turn = time.Second
	file, err := mediaFile(1024, 768)
	if err != nil {
		return m, err
	}
	m = Media{Children: runtime.GOMAXPROCS(0), Width: 1024, Height: 768, Bytes: len(file), Turns: turns, TurnSeconds: turn.Seconds()}
	pool := media.NewPool(exe, m.Children)
	pool.AllowWeak = true
	defer pool.Close()
	began := time.Now()
	if _, err := pool.Hash(ctx, file); err != nil {
		return m, err
	}
	m.StartMS = round(time.Since(began).Seconds() * 1e3)
	obtained, err := pool.Protections(ctx)
	if err != nil {
		return m, err
	}
	m.Confined = len(obtained.Missing()) == 0
	if err := m.compare(ctx, pool, file, turns, turn); err != nil {
		return m, err
	}
	m.InProcessMS, m.PoolMS, err = costs(ctx, exe, file)
	return m, err
}

// compare measures the rates by turns.
func (m *Media) compare(ctx context.Context, pool *media.Pool, file []byte, turns int, turn time.Duration) error {
	confined := func() error {
		_, err := pool.Hash(ctx, file)
		return err
	}
	here := func() error { return hashHere(file) }
	var inside, outside float64
	for range turns {
		a, err := rate(m.Children, turn, here)
		if err != nil {
			return err
		}
		b, err := rate(m.Children, turn, confined)
		if err != nil {
			return err
		}
		inside, outside = inside+a, outside+b
		if m.RatioWorst == 0 || b/a < m.RatioWorst {
			m.RatioWorst = round(b / a)
		}
		m.RatioBest = max(m.RatioBest, round(b/a))
	}
	m.InProcessPerS, m.PoolPerS, m.Ratio = round(inside/float64(turns)), round(outside/float64(turns)), round(outside/inside)
	return ctx.Err()
}

// costs measures the processor time that a picture takes, in milliseconds. Children count once they have ended, so that there is a pool
// for it.
func costs(ctx context.Context, exe string, file []byte) (here, confined float64, err error) {
	const pictures = 60
	before := processorTime()
	for range pictures {
		if err := hashHere(file); err != nil {
			return 0, 0, err
		}
	}
	here = (processorTime() - before).Seconds() * 1e3 / pictures
	before = processorTime()
	pool := media.NewPool(exe, 1)
	pool.AllowWeak = true
	for range pictures {
		if _, err := pool.Hash(ctx, file); err != nil {
			pool.Close()
			return 0, 0, err
		}
	}
	pool.Close()
	confined = (processorTime() - before).Seconds() * 1e3 / pictures
	return round(here), round(confined), nil
}

// hashHere does what a pool does for a JPEG file, without a child.
func hashHere(file []byte) error {
	sha256.Sum256(file)
	md5.Sum(file)
	if _, err := jpeg.DecodeConfig(bytes.NewReader(file)); err != nil {
		return err
	}
	m, err := jpeg.Decode(bytes.NewReader(file))
	if err != nil {
		return err
	}
	pdq.FromImage(m)
	return nil
}

// rate gives how often a second n goroutines together get fn done.
func rate(n int, long time.Duration, fn func() error) (float64, error) {
	var all sync.WaitGroup
	done, errs := make([]int, n), make([]error, n)
	began := time.Now()
	for i := range n {
		all.Go(func() {
			for time.Since(began) < long && errs[i] == nil {
				errs[i] = fn()
				done[i]++
			}
		})
	}
	all.Wait()
	total := 0
	for i := range n {
		total += done[i]
		if errs[i] != nil {
			return 0, errs[i]
		}
	}
	return float64(total) / time.Since(began).Seconds(), nil
}

// mediaFile draws a JPEG file with the weight of a picture that is posted: some 130 bytes for each thousand pixels.
func mediaFile(width, height int) ([]byte, error) {
	var m image.Image = Photo(width, height, 2)
	var file bytes.Buffer
	quality := 95
	for {
		file.Reset()
		if err := jpeg.Encode(&file, m, &jpeg.Options{Quality: quality}); err != nil {
			return nil, err
		}
		if quality -= 5; file.Len() <= width*height/8 || quality < 30 {
			return file.Bytes(), nil
		}
	}
}
