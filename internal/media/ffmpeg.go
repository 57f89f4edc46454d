package media

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"raksha.example/raksha/internal/fault"
)

// filmDecoder is the argument of a child that becomes ffmpeg.
const filmDecoder = "film"

// filmInput is the file descriptor at which ffmpeg finds the film: the first after the standard ones. Films whose index stands at
// the end are read back and forth, which a pipe does not allow, so it is an anonymous file in memory. ffmpeg opens it by this name
// because its own way of naming descriptors ("fd:") came with version 6; the name leads to that one file and to no path.
const (
	filmInput     = 3
	filmInputName = "file:/proc/self/fd/3"
)

// demuxers tells which of ffmpeg's readers takes the films of a format that Sniff knows. ffmpeg is told which to use and does not
// look for itself: those that open further files (playlists, lists of parts, numbered pictures) are out of reach.
var demuxers = map[string]string{
	"mp4":              "mov,mp4,m4a,3gp,3g2,mj2",
	"quicktime":        "mov,mp4,m4a,3gp,3g2,mj2",
	"webm or matroska": "matroska,webm",
	"avi":              "avi",
	"flash video":      "flv",
	"mpeg":             "mpeg",
	"mpeg video":       "mpegvideo",
	"mpeg stream":      "mpegts",
	"windows media":    "asf",
	"ogg":              "ogg",
}

// filmCodecs are the decoders that ffmpeg may use: those of films that people post or have kept from the last thirty years. ffmpeg
// knows some four hundred more, of games and of cameras, that nobody has looked at for as long.
const filmCodecs = "h264,hevc,av1,libdav1d,libaom-av1,vp9,vp8,libvpx-vp9,libvpx,mpeg4,mpeg2video,mpeg1video,h263,h261,flv,mjpeg,theora,libtheora," +
	"msmpeg4v1,msmpeg4v2,msmpeg4,wmv1,wmv2,wmv3,vc1,vp6,vp6f,vp6a,prores,dvvideo,rawvideo,ffv1,png,gif"

// Bounds of films that do not depend on the caller.
const (
	maxFilmPixels = 36_000_000 // of one frame: 8K has 33 million
	maxFilmFrame  = 8_847_360  // pixels of a frame that reaches the parent: 4096x2160. Larger ones are halved by ffmpeg
)

// filmOrder is what a parent asks of a child that becomes ffmpeg.
type filmOrder struct {
	Program string        `json:"program"` // path of ffmpeg; empty to see only how the child is confined
	Demuxer string        `json:"demuxer"`
	Pixels  int64         `json:"pixels"` // limit of one frame
	Frames  int           `json:"frames"` // frames after which it ends
	Every   time.Duration `json:"every"`  // play time between two frames
	Time    time.Duration `json:"time"`   // processor time

	// Quick leaves out the frames that no other frame refers to, which are half of most films, so that a frame that is asked for may be
	// the one up to a few before it.
	Quick bool `json:"quick"`
}

// arguments gives ffmpeg's command line. It writes each frame as a PPM picture (netpbm), which tells its own size, to its standard
// output, and words about the film to its standard error.
func (o filmOrder) arguments() []string {
	skip := "none"
	if o.Quick {
		skip = "noref"
	}
	name, _, _ := strings.Cut(o.Demuxer, ",")
	half := "if(gt(iw*ih," + strconv.Itoa(maxFilmFrame) + "),trunc(%s/2),%s)"
	// The frame that is on the screen at each full second: the last that began at it or before.
	frames := fmt.Sprintf("fps=1000000/%d:start_time=0:round=up", o.Every.Microseconds())
	scale := fmt.Sprintf("scale=w='%s':h='%s':flags=area", fmt.Sprintf(half, "iw", "iw"), fmt.Sprintf(half, "ih", "ih"))
	return []string{"ffmpeg", "-hide_banner", "-nostats", "-nostdin", "-loglevel", "level+info",
		"-protocol_whitelist", "file", "-format_whitelist", o.Demuxer, "-codec_whitelist", filmCodecs,
		"-threads", "1", "-filter_threads", "1", "-max_pixels", strconv.FormatInt(o.Pixels, 10), "-skip_frame", skip,
		"-an", "-sn", "-dn", "-f", name, "-i", filmInputName,
		"-map", "0:V:0", "-vf", frames + "," + scale, "-frames:v", strconv.Itoa(o.Frames),
		"-threads", "1", "-c:v", "ppm", "-f", "image2pipe", "pipe:1"}
}

// findFFmpeg looks for the program.
func findFFmpeg() (string, error) {
	path, err := exec.LookPath("ffmpeg")
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	if err != nil {
		return "", fault.Coded(fault.NotSupported, "no_ffmpeg", "films are decoded by ffmpeg, which is not installed on this machine: "+
			"install the package ffmpeg (on Debian: apt-get install ffmpeg) and try again")
	}
	return path, nil
}
