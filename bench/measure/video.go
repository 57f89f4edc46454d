package measure

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"raksha.example/raksha/internal/media"
	"raksha.example/raksha/pdq"
	"raksha.example/raksha/vpdq"
)

// Video are the figures of hashing films. Those that end in X are seconds of play time in a second of work on one core.
type Video struct {
	RealtimeX  float64 `json:"realtime_x"`       // a film through the confined ffmpeg into hashes, by processor time of all that takes part
	EveryX     float64 `json:"every_frame_x"`    // likewise, when every frame is decoded (media.Limits.EveryFrame)
	FFmpegX    float64 `json:"ffmpeg_decode_x"`  // ffmpeg alone, that decodes every frame and does nothing with it, likewise
	WallX      float64 `json:"realtime_wall_x"`  // RealtimeX by the clock, with whatever else the machine does
	FFmpegWall float64 `json:"ffmpeg_wall_x"`    // FFmpegX by the clock
	StartMS    float64 `json:"start_ms"`         // processor time to start a confined ffmpeg that finds nothing to do
	QuickMean  float64 `json:"quick_bits"`       // by which the hashes of RealtimeX differ from those of EveryX, mean
	QuickMost  int     `json:"quick_bits_max"`   // and most
	Width      int     `json:"width"`            // pixels
	Height     int     `json:"height"`           //
	Rate       int     `json:"frames_per_s"`     // of the film
	Seconds    int     `json:"seconds"`          // of play time
	Bytes      int     `json:"bytes"`            // of the film, H.264
	Turns      int     `json:"turns"`            // measured by turns; the figures are of all together
	Pairs      int     `json:"pairs"`            // of unrelated films that were compared
	False      int     `json:"false_matches"`    // of these
	Near       int     `json:"pairs_with_frame"` // that have a frame in common, without being a match
	Confined   bool    `json:"fully_confined"`   // ffmpeg had every protection
}

const (
	videoWidth, videoHeight, videoRate = 1280, 720, 30
	videoDrawn                         = 20  // seconds; a longer film repeats them
	videoFilms                         = 100 // that are compared with as many others
	videoFrames                        = 8   // of each
)

// RunVideo measures. exe is a binary that can be a media child; ffmpeg must be installed.
func RunVideo(ctx context.Context, exe string, seconds, turns int) (v Video, err error) {
	v = Video{Width: videoWidth, Height: videoHeight, Rate: videoRate, Seconds: seconds, Turns: turns}
	dir, err := os.MkdirTemp("", "raksha-bench")
	if err != nil {
		return v, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "film.mp4")
	if err := makeVideo(ctx, path, min(seconds, videoDrawn)); err != nil {
		return v, err
	}
	if times := seconds / videoDrawn; times > 1 {
		once := path
		path, v.Seconds = filepath.Join(dir, "long.mp4"), times*videoDrawn
		cmd := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-nostdin", "-stream_loop", strconv.Itoa(times-1), "-i", once, "-c", "copy", path)
		if out, err := cmd.CombinedOutput(); err != nil {
			return v, fmt.Errorf("repeating the film: %w: %s", err, out)
		}
	}
	file, err := os.ReadFile(path)
	if err != nil {
		return v, err
	}
	v.Bytes = len(file)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if err := v.times(ctx, exe, path, file); err != nil {
		return v, err
	}
	return v, v.falseMatches()
}

// makeVideo codes a drawn film with some grain, as a camera adds it, with the settings that most people leave as they are.
func makeVideo(ctx context.Context, path string, seconds int) error {
	cmd := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", fmt.Sprintf("%dx%d", videoWidth, videoHeight),
		"-r", strconv.Itoa(videoRate), "-i", "pipe:0", "-vf", "noise=alls=3:allf=t", "-c:v", "libx264", "-pix_fmt", "yuv420p", path)
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	var words bytes.Buffer
	cmd.Stderr = &words
	if err := cmd.Start(); err != nil {
		return err
	}
	f := newFilm(videoWidth, videoHeight, 1)
	for i := 0; i < seconds*videoRate && err == nil; i++ {
		_, err = in.Write(f.draw(float64(i) / videoRate))
	}
	in.Close()
	if ended := cmd.Wait(); ended != nil {
		return fmt.Errorf("making the film: %w: %s", ended, words.String())
	}
	return err
}

// times measures the three ways by turns.
func (v *Video) times(ctx context.Context, exe, path string, file []byte) error {
	quick, every := media.NewPool(exe, 1), media.NewPool(exe, 1)
	quick.AllowWeak, every.AllowWeak, every.Limits.EveryFrame = true, true, true
	quick.Limits.Play, every.Limits.Play = time.Hour, time.Hour
	quick.Limits.Bytes, every.Limits.Bytes = 1<<30, 1<<30
	defer quick.Close()
	defer every.Close()
	before := processorTime()
	obtained, err := quick.FilmProtections(ctx)
	if err != nil {
		return err
	}
	v.StartMS = round((processorTime() - before).Seconds() * 1e3)
	v.Confined = len(obtained.Missing()) == 0
	var hashed, exact media.Result
	ways := []func() error{
		func() (err error) { hashed, err = quick.Hash(ctx, file); return err },
		func() (err error) { exact, err = every.Hash(ctx, file); return err },
		func() error {
			cmd := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-nostdin", "-threads", "1", "-i", path, "-an", "-f", "null", "-")
			cmd.Stderr = io.Discard
			return cmd.Run()
		},
	}
	var work, clock [3]time.Duration
	for range v.Turns {
		for i, way := range ways {
			before, began := processorTime(), time.Now()
			if err := way(); err != nil {
				return err
			}
			work[i], clock[i] = work[i]+processorTime()-before, clock[i]+time.Since(began)
		}
	}
	x := func(d time.Duration) float64 { return round(float64(v.Seconds*v.Turns) / d.Seconds()) }
	v.RealtimeX, v.EveryX, v.FFmpegX, v.WallX, v.FFmpegWall = x(work[0]), x(work[1]), x(work[2]), x(clock[0]), x(clock[2])
	if n := len(hashed.Frames); n != len(exact.Frames) || n < v.Seconds || n > v.Seconds+1 { // one more where the parts of a film overlap
		return fmt.Errorf("%d and %d frames instead of %d", n, len(exact.Frames), v.Seconds)
	}
	total := 0
	for i, f := range hashed.Frames {
		d := f.Hash.Distance(exact.Frames[i].Hash)
		total, v.QuickMost = total+d, max(v.QuickMost, d)
	}
	v.QuickMean = round(float64(total) / float64(v.Seconds))
	return nil
}

// falseMatches compares films that have nothing to do with each other.
func (v *Video) falseMatches() error {
	listed := make([][]vpdq.Frame, videoFilms)
	var err error
	for i := range listed {
		if listed[i], err = drawnFrames(uint64(1000 + i)); err != nil {
			return err
		}
	}
	for i := range videoFilms {
		query, err := drawnFrames(uint64(5000 + i))
		if err != nil {
			return err
		}
		for _, l := range listed {
			v.Pairs++
			q, t := vpdq.Match(query, l, vpdq.MaxDistance, vpdq.MinQuality)
			switch {
			case (vpdq.Shares{Query: q, Target: t}).Reach(vpdq.Common()):
				v.False++
			case q > 0:
				v.Near++
			}
		}
	}
	return nil
}

// drawnFrames gives the hashes of a drawn film, taken as those of a decoded one.
func drawnFrames(seed uint64) ([]vpdq.Frame, error) {
	const width, height = 160, 90
	f := newFilm(width, height, seed)
	frames := make([]vpdq.Frame, videoFrames)
	for i := range frames {
		h, err := pdq.Full.FromRGB(f.draw(float64(i)), width, height, 3*width)
		if err != nil {
			return nil, err
		}
		frames[i] = vpdq.Frame{Index: i, Hash: h.Hash, Quality: h.Quality, At: time.Duration(i) * time.Second}
	}
	return frames, nil
}
