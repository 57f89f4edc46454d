//go:build !linux

package media

import "errors"

func attempt(name string) error { return errors.New("no such attempt: " + name) }

func tryFilm() bool { return false }
