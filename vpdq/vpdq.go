// Package vpdq holds the vPDQ form of a film: the PDQ hashes of frames taken at intervals, usually one a second. It reads and
// writes the text form that tools of the field exchange, and tells how much of one film is found in another. Clips match: what
// is compared are sets of frames, not their order.
//
// It does not decode films. The standard library and package pdq are all that it uses.
//
// Source: the vPDQ description and file form in Meta's ThreatExchange repository (vpdq/README.md).
package vpdq

import (
	"time"

	"raksha.example/raksha/pdq"
)

// Common settings. Two films are usually taken to match when both shares of Match reach MinQueryShare and MinTargetShare: most
// of what was asked about is found, however long the film is that it is found in.
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

// Match gives the share, 0 to 1, of the query's frames that are found among the target's, and of the target's among the
// query's. A frame is found when another is at most maxDistance bits away (the reference asks for less than its tolerance: its
// 31 is 30 here). Frames of less than minQuality are left out of both films; if that leaves one of them empty both shares are 0.
// The work is the product of the two lengths.
func Match(query, target []Frame, maxDistance, minQuality int) (queryShare, targetShare float64) {
	query, target = reliable(query, minQuality), reliable(target, minQuality)
	if len(query) == 0 || len(target) == 0 {
		return 0, 0
	}
	return share(query, target, maxDistance), share(target, query, maxDistance)
}

// reliable gives the frames of at least the quality.
func reliable(frames []Frame, minQuality int) []Frame {
	kept := make([]Frame, 0, len(frames))
	for _, f := range frames {
		if f.Quality >= minQuality {
			kept = append(kept, f)
		}
	}
	return kept
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
