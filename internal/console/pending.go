package console

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"raksha.example/raksha/internal/fault"
)

// Limits of complaint files that were previewed and not imported yet.
const (
	complaintLimit = 51 << 20 // bytes of the form
	pendingLife    = 30 * time.Minute
	pendingFile    = 8         // of all people
	pendingBytes   = 160 << 20 // of all
)

// pendingFiles keeps files between their preview and their import, in memory only: what nobody imports is nowhere.
type pendingFiles struct {
	mu    sync.Mutex
	files map[string]pending // guarded by mu
}

type pending struct {
	person  int64
	name    string
	content []byte
	ends    time.Time
}

// keep takes a file of a person and gives the word that it is asked for with.
func (p *pendingFiles) keep(person int64, name string, content []byte, now time.Time) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.files == nil {
		p.files = map[string]pending{}
	}
	word := rand.Text()
	p.files[word] = pending{person, name, content, now.Add(pendingLife)}
	for {
		oldest, size := "", 0
		for w, f := range p.files {
			if now.After(f.ends) {
				delete(p.files, w)
				continue
			}
			size += len(f.content)
			if w != word && (oldest == "" || f.ends.Before(p.files[oldest].ends)) {
				oldest = w
			}
		}
		if len(p.files) <= pendingFile && size <= pendingBytes || oldest == "" {
			return word
		}
		delete(p.files, oldest)
	}
}

// take gives a person's file back.
func (p *pendingFiles) take(person int64, word string, now time.Time) (pending, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f, ok := p.files[word]
	if !ok || f.person != person || now.After(f.ends) {
		return pending{}, fault.New(fault.NotFound, "the previewed file is no longer kept; choose it again")
	}
	return f, nil
}

func (p *pendingFiles) drop(word string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.files, word)
}

// complaintUpload reads the one file of a form.
func complaintUpload(r *http.Request) (name string, content []byte, err error) {
	parts, err := r.MultipartReader()
	if err != nil {
		return "", nil, fault.New(fault.Invalid, "choose a file")
	}
	part, err := parts.NextPart()
	if err != nil || part.FormName() != "file" {
		return "", nil, fault.New(fault.Invalid, "choose a file")
	}
	var b bytes.Buffer
	if _, err := io.Copy(&b, part); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return "", nil, fault.New(fault.TooLarge, "the file is larger than 50 MiB; split it")
		}
		return "", nil, fault.New(fault.Invalid, "the form could not be read; choose the file again")
	}
	if b.Len() == 0 {
		return "", nil, fault.New(fault.Invalid, "choose a file that is not empty")
	}
	return part.FileName(), b.Bytes(), nil
}
