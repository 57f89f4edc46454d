// Package vpdq holds the vPDQ form of a film: the PDQ hashes of frames taken at intervals, usually one a second. It reads and
// writes the text form that tools of the field exchange, tells how much of one film is found in another, and finds a film among
// many. Clips match: what is compared are sets of frames, not their order. Frames with the same hash count once, so that a still
// second does not weigh more than a lively one.
//
// It does not decode films. The standard library and the packages pdq and hamming are all that it uses.
//
// Source: the vPDQ description and file form in Meta's ThreatExchange repository (vpdq/README.md), and the settings of its Python
// library (python-threatexchange, extension vpdq).
package vpdq

import (
	"time"

	"raksha.example/raksha/pdq"
)

// Common settings, those of the field's Python library. Two films are usually taken to match when both shares of Match reach
// MinQueryShare and MinTargetShare: most of what was asked about is found, however long the film is that it is found in.
const (
	MaxDistance    = pdq.Threshold  // 31 bits
	MinQuality     = pdq.MinQuality // 50 of 100
	MinQueryShare  = 0.80
	MinTargetShare = 0.0
)

// Frame is one hashed frame.
type Frame struct {
	Index   int           `json:"index"`   // the frame's number in the film, from 0
	Hash    pdq.Hash      `json:"hash"`    // 64 hexadecimal digits in text
	Quality int           `json:"quality"` // 0 to 100
	At      time.Duration `json:"at"`      // play time from the start; nanoseconds in JSON, seconds with three decimals in text
}

// Rule says when two films match.
type Rule struct {
	MaxDistance    int     // bits up to which two frames are taken to be the same, 0 to 256
	MinQuality     int     // frames of less are left out of both films
	MinQueryShare  float64 // of the query's frames that must be found, 0 to 1
	MinTargetShare float64 // of the target's frames that must be found, 0 to 1
}

// Common gives the rule of the common settings.
func Common() Rule { return Rule{MaxDistance, MinQuality, MinQueryShare, MinTargetShare} }

// Shares tell how much of two films is found in the other, 0 to 1 each.
type Shares struct {
	Query  float64 `json:"query_share"`
	Target float64 `json:"target_share"`
}

// Reach tells whether the shares are large enough for a match. Shares of nothing never are.
func (s Shares) Reach(r Rule) bool {
	return s.Query > 0 && s.Query >= r.MinQueryShare && s.Target >= r.MinTargetShare
}

// Match gives the share, 0 to 1, of the query's frames that are found among the target's, and of the target's among the
// query's. A frame is found when another is at most maxDistance bits away (the reference's C++ program asks for less than its
// tolerance: its 31 is 30 here). Frames of less than minQuality are left out of both films, and of frames with the same hash all but
// one; if that leaves one of them empty both shares are 0. The work is the product of the two lengths; for many films see Index.
func Match(query, target []Frame, maxDistance, minQuality int) (queryShare, targetShare float64) {
	query, target = Fold(query, minQuality), Fold(target, minQuality)
	if len(query) == 0 || len(target) == 0 {
		return 0, 0
	}
	return share(query, target, maxDistance), share(target, query, maxDistance)
}

// Fold gives the frames of at least the quality, and of frames with the same hash the first, in their order.
func Fold(frames []Frame, minQuality int) []Frame {
	kept := make([]Frame, 0, len(frames))
	seen := make(map[pdq.Hash]bool, len(frames))
	for _, f := range frames {
		if f.Quality >= minQuality && !seen[f.Hash] {
			seen[f.Hash] = true
			kept = append(kept, f)
		}
	}
	return kept
}

// Cropped gives a film as it looks without borders: frames, with those of inner in the place of the frames of the same time. A copy
// that was given bars matches by it, where the frames as a whole do not.
func Cropped(frames, inner []Frame) []Frame {
	at := make(map[time.Duration]Frame, len(inner))
	for _, f := range inner {
		at[f.At] = f
	}
	out := make([]Frame, len(frames))
	for i, f := range frames {
		if c, ok := at[f.At]; ok {
			f = c
		}
		out[i] = f
	}
	return out
}

// share gives the part of frames that has a neighbour in others.
func share(frames, others []Frame, maxDistance int) float64 {
	found := 0
	for _, f := range frames {
		for _, o := range others {
			if f.Hash.Distance(o.Hash) <= maxDistance {
				found++
				break
			}
		}
	}
	return float64(found) / float64(len(frames))
}
