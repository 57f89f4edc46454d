// Package fault holds the kinds of error that Raksha distinguishes, messages that are safe to show, and the one table
// from a kind to an HTTP status and to an exit status.
package fault

import (
	"errors"
	"fmt"
	"net/http"
)

// Kind says what a caller can do about an error. It is an error itself, so that errors.Is works with it.
type Kind string

// Error gives the kind's own word.
func (k Kind) Error() string { return string(k) }

// The kinds. Anything that carries none of them is Internal.
const (
	Invalid      Kind = "invalid"      // the input is wrong; the message says what to change
	NotFound     Kind = "not_found"    // no such object, or none that the caller may see
	Conflict     Kind = "conflict"     // the object's state does not allow the step
	Unsigned     Kind = "unauthorised" // no or wrong credentials
	Forbidden    Kind = "forbidden"    // known, but not allowed
	Refused      Kind = "refused"      // a rule, a signature or a rank forbids it
	TooLarge     Kind = "too_large"    // over a stated limit
	Unavailable  Kind = "unavailable"  // another party did not answer; try again
	Tampered     Kind = "tampered"     // stored bytes are not what was recorded
	Internal     Kind = "internal"
	NotSupported Kind = "not_supported"
)

// Fault is an error with a kind and a message that may be shown to a person. The cause stays for the log.
type Fault struct {
	Kind    Kind
	Code    string // machine code within the kind, such as "under_ranked"; may be empty
	Message string
	cause   error
}

// Error gives the safe message.
func (f *Fault) Error() string { return f.Message }

// Unwrap gives the kind and the cause to errors.Is and errors.As.
func (f *Fault) Unwrap() []error {
	if f.cause == nil {
		return []error{f.Kind}
	}
	return []error{f.Kind, f.cause}
}

// New makes a fault of a kind with a message for people.
func New(kind Kind, format string, args ...any) error {
	return &Fault{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// Coded is New with a machine code.
func Coded(kind Kind, code, format string, args ...any) error {
	return &Fault{Kind: kind, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Wrap gives cause a kind and a safe message.
func Wrap(cause error, kind Kind, format string, args ...any) error {
	return &Fault{Kind: kind, Message: fmt.Sprintf(format, args...), cause: cause}
}

// Of gives the kind of err.
func Of(err error) Kind {
	var f *Fault
	if errors.As(err, &f) {
		return f.Kind
	}
	var k Kind
	if errors.As(err, &k) {
		return k
	}
	return Internal
}

// Code gives the machine code of err: its own, or else its kind.
func Code(err error) string {
	var f *Fault
	if errors.As(err, &f) && f.Code != "" {
		return f.Code
	}
	return string(Of(err))
}

// Message gives what may be shown of err: its message if it is a fault, otherwise a plain sentence.
func Message(err error) string {
	var f *Fault
	if errors.As(err, &f) {
		return f.Message
	}
	return "something went wrong here; the log of this node has the details"
}

var statuses = map[Kind]int{
	Invalid: http.StatusUnprocessableEntity, NotFound: http.StatusNotFound, Conflict: http.StatusConflict,
	Unsigned: http.StatusUnauthorized, Forbidden: http.StatusForbidden, Refused: http.StatusForbidden,
	TooLarge: http.StatusRequestEntityTooLarge, Unavailable: http.StatusServiceUnavailable,
	Tampered: http.StatusInternalServerError, Internal: http.StatusInternalServerError,
	NotSupported: http.StatusNotImplemented,
}

// HTTPStatus gives the status for err.
func HTTPStatus(err error) int { return statuses[Of(err)] }

// Exit statuses of the command line.
const (
	ExitDone     = 0
	ExitNegative = 1 // a negative answer, or failed
	ExitUsage    = 2
)
