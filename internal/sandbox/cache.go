package sandbox

import (
	"container/list"
	"sync"
)

// cache keeps the media used last, up to a number of bytes.
type cache struct {
	limit int64

	mu    sync.Mutex // guards what follows
	held  int64
	order *list.List // of *cached, the one used last in front
	byID  map[string]*list.Element
}

type cached struct {
	id, kind string
	bytes    []byte
}

func newCache(limit int64) *cache {
	return &cache{limit: limit, order: list.New(), byID: map[string]*list.Element{}}
}

// get gives a file from memory or else from make. Two that ask at once may both make it: it comes out the same.
func (c *cache) get(id string, make func(string) (string, []byte, error)) (kind string, b []byte, err error) {
	c.mu.Lock()
	if e, ok := c.byID[id]; ok {
		c.order.MoveToFront(e)
		c.mu.Unlock()
		f := e.Value.(*cached)
		return f.kind, f.bytes, nil
	}
	c.mu.Unlock()
	if kind, b, err = make(id); err != nil {
		return "", nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.byID[id]; ok || int64(len(b)) > c.limit {
		return kind, b, nil
	}
	c.byID[id] = c.order.PushFront(&cached{id, kind, b})
	c.held += int64(len(b))
	for c.held > c.limit {
		e := c.order.Back()
		f := c.order.Remove(e).(*cached)
		delete(c.byID, f.id)
		c.held -= int64(len(f.bytes))
	}
	return kind, b, nil
}
