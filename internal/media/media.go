// Package media turns hostile bytes of pictures and films into hashes. Nothing of a file is decoded in the calling process: a Pool
// keeps child processes that have given up every right before they read a byte, sends them one file at a time, and replaces
// them after any failure.
package media
