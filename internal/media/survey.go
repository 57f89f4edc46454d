package media

import (
	"context"
	"encoding/json"
	"image"
	"slices"

	"raksha.example/raksha/internal/fault"
	"raksha.example/raksha/pdq"
)

// surveyProfiles are the profiles that may be asked for, in the order of the protocol.
var surveyProfiles = []pdq.Profile{pdq.Meta512, pdq.Full, pdq.Fast}

// Survey is Hash for a person at a command line: under any profile, with the hashes of a picture's eight orientations. Films are
// hashed under Meta512 whatever the profile. Errors are those of Hash.
func (p *Pool) Survey(ctx context.Context, b []byte, profile pdq.Profile) (Result, error) {
	i := slices.Index(surveyProfiles, profile)
	if i < 0 {
		return Result{}, fault.New(fault.Invalid, "no such profile %q: choose meta-512, full or fast", profile)
	}
	if !profiled(b) {
		profile = pdq.Meta512
	}
	return p.result(ctx, b, msgSurvey, i, profile)
}

func answerSurvey(body []byte) (byte, []byte, error) {
	q, err := parseRequest(body)
	if err != nil {
		return 0, nil, err
	}
	if q.maxSide < 0 || q.maxSide >= len(surveyProfiles) {
		return 0, nil, errWire
	}
	r, err := survey(q.file, q.pixels, surveyProfiles[q.maxSide])
	if err != nil {
		return answerFailure(err)
	}
	answer, err := json.Marshal(r)
	return msgResult, answer, err
}

// survey decodes and hashes in the child.
func survey(b []byte, limit int64, profile pdq.Profile) (Result, error) {
	format := Sniff(b)
	if format == "gif" {
		return surveyGIF(b, limit)
	}
	if !profiled(b) {
		return hash(b, limit)
	}
	if format == "jpeg" && profile == pdq.Fast {
		return surveyFast(b, limit)
	}
	m, err := decode(b, limit)
	if err != nil {
		return Result{}, err
	}
	r := Result{Kind: Image, Format: format}
	shown := turned(m, stills[format].orientation(b)).Bounds()
	r.Width, r.Height = shown.Dx(), shown.Dy()
	r.setHashes(profile.DihedralFromImage(overWhite(m)))
	return r, nil
}

// surveyFast decodes a JPEG file at a part of its size.
func surveyFast(b []byte, limit int64) (Result, error) {
	size, err := pixelSize(b, limit)
	if err != nil {
		return Result{}, err
	}
	h, all, err := pdq.DihedralFromJPEG(b)
	if err != nil {
		return Result{}, decodeFailure(err)
	}
	r := Result{Kind: Image, Format: "jpeg", Width: size.X, Height: size.Y}
	if jpegOrientation(b) >= transposed {
		r.Width, r.Height = r.Height, r.Width
	}
	r.setHashes(h, all)
	return r, nil
}

// profiled tells whether the hashes of a file depend on the profile: those of a still picture do.
func profiled(b []byte) bool {
	format := Sniff(b)
	_, still := stills[format]
	_, film := asFilm(b, format)
	return still && !film
}

// surveyGIF adds the orientations of a still picture.
func surveyGIF(b []byte, limit int64) (Result, error) {
	r, err := hashGIF(b, limit)
	if err != nil || r.Kind != Image {
		return r, err
	}
	g, err := scanGIF(b, limit)
	if err != nil {
		return r, err
	}
	err = g.play([]int{0}, func(_ int, canvas *image.NRGBA) { r.setHashes(pdq.DihedralFromImage(canvas)) })
	return r, err
}

func (r *Result) setHashes(h pdq.Result, all [8]pdq.Hash) {
	r.setHash(h)
	for _, o := range all {
		r.Orientations = append(r.Orientations, o.String())
	}
}
