package media

import "io"

// ChildMain confines the process, then serves requests from in until it ends.
func ChildMain(in io.Reader, out io.Writer) error { return nil }
