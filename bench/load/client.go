// Package load measures a running node from a second process: what its clients see, on a machine that both share.
package load

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// connection speaks HTTP/1.1 with little work of its own, so that what is measured is the server.
type connection struct {
	conn net.Conn
	r    *bufio.Reader
}

func dial(address string) (*connection, error) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return &connection{c, bufio.NewReaderSize(c, 16<<10)}, nil
}

// do sends a request as it is and gives the answer's status and length.
func (c *connection) do(request []byte) (status, length int, err error) {
	if status, length, err = c.head(request); err == nil {
		_, err = c.r.Discard(length)
	}
	return status, length, err
}

// ask is do with the answer's body.
func (c *connection) ask(request []byte) (status int, body []byte, err error) {
	status, length, err := c.head(request)
	if err != nil {
		return status, nil, err
	}
	body = make([]byte, length)
	_, err = io.ReadFull(c.r, body)
	return status, body, err
}

// head sends a request and reads the answer up to its body. An answer must tell its length.
func (c *connection) head(request []byte) (status, length int, err error) {
	if _, err := c.conn.Write(request); err != nil {
		return 0, 0, err
	}
	line, err := c.r.ReadSlice('\n')
	if err != nil {
		return 0, 0, err
	}
	if len(line) < 12 {
		return 0, 0, fmt.Errorf("an answer begins with %q", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, 0, err
	}
	length = -1
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return 0, 0, err
		}
		if len(line) <= 2 {
			break
		}
		if len(line) > 16 && strings.EqualFold(string(line[:15]), "content-length:") {
			if length, err = strconv.Atoi(strings.TrimSpace(string(line[15:]))); err != nil {
				return 0, 0, err
			}
		}
	}
	if length < 0 {
		return 0, 0, errors.New("an answer does not tell its length")
	}
	return status, length, nil
}

// Result is what a load saw.
type Result struct {
	PerS  float64 // answers with status 200 a second
	P50MS float64
	P99MS float64
	Fails int64 // other answers, and connections that broke
	Cause string
}

// Run sends requests over several connections for a time, each waiting for its answer. next makes the i-th request of a connection,
// and must not be slow.
func Run(address string, connections int, atLeast time.Duration, next func(connection, i int) []byte) Result {
	var mu sync.Mutex
	var all []float64
	var fails atomic.Int64
	var cause atomic.Value
	var wg sync.WaitGroup
	begin := time.Now()
	for n := range connections {
		wg.Go(func() {
			var mine []float64
			fail := func(text string) { fails.Add(1); cause.CompareAndSwap(nil, text) }
			c, err := dial(address)
			if err != nil {
				fail(err.Error())
				return
			}
			defer func() { c.conn.Close() }()
			for i := 0; time.Since(begin) < atLeast; i++ {
				request := next(n, i)
				start := time.Now()
				status, _, err := c.do(request)
				switch {
				case err != nil && !errors.Is(err, io.EOF):
					fail(err.Error())
				case err != nil || status != 200:
					fail(fmt.Sprintf("status %d, %v", status, err))
				}
				if err != nil {
					c.conn.Close()
					if c, err = dial(address); err != nil {
						return
					}
					continue
				}
				mine = append(mine, time.Since(start).Seconds()*1e3)
			}
			mu.Lock()
			all = append(all, mine...)
			mu.Unlock()
		})
	}
	wg.Wait()
	took := time.Since(begin).Seconds()
	r := Result{Fails: fails.Load()}
	r.Cause, _ = cause.Load().(string)
	r.PerS = float64(len(all)) / took
	r.P50MS, r.P99MS = percentiles(all)
	return r
}

func percentiles(all []float64) (p50, p99 float64) {
	if len(all) == 0 {
		return 0, 0
	}
	slices.Sort(all)
	return all[len(all)/2], all[len(all)*99/100]
}
