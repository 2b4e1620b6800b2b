package cas

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/managedcas/managedcas/internal/cloud"
)

// blockBytes is the unit in which memory is lent.
const blockBytes = mebibyte

// maxWait is how long an upload waits for memory before its client is told to come
// back: less than clients and proxies wait without a sign of life.
const maxWait = 45 * time.Second

// memory is what all uploads in parts hold together. Who finds none waits, first come
// first served; nobody waits for more while holding a part that is not yet on its way,
// so somebody can always go on.
type memory struct {
	room *semaphore.Weighted // in blocks
	mu   sync.Mutex
	free [][]byte
	lent int // blocks
}

func newMemory(size int64) *memory {
	return &memory{room: semaphore.NewWeighted(size / blockBytes)}
}

// lend returns an empty held part with room for size bytes. Release it.
func (m *memory) lend(ctx context.Context, size int64) (*held, error) {
	n := (size + blockBytes - 1) / blockBytes
	waiting, cancel := context.WithTimeout(ctx, maxWait)
	defer cancel()
	if err := m.room.Acquire(waiting, n); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%w: no memory for %d bytes within %s", cloud.ErrThrottled, size, maxWait)
	}
	return &held{memory: m, reserved: n, size: size}, nil
}

func (m *memory) block() []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lent++
	if last := len(m.free) - 1; last >= 0 {
		b := m.free[last]
		m.free = m.free[:last]
		return b
	}
	return make([]byte, blockBytes)
}

// held is a part in memory. It takes blocks as they are needed.
type held struct {
	memory   *memory
	reserved int64
	size     int64 // the most that it holds
	blocks   [][]byte
	n        int64

	mu     sync.Mutex
	offset int64
	over   bool
}

// fill reads until the part is full or body has ended.
func (h *held) fill(body io.Reader) (ended bool, err error) {
	for h.n < h.size && !ended && err == nil {
		if h.n == int64(len(h.blocks))*blockBytes {
			h.blocks = append(h.blocks, h.memory.block())
		}
		block := h.blocks[len(h.blocks)-1][h.n%blockBytes:]
		block = block[:min(int64(len(block)), h.size-h.n)]
		var n int
		n, ended, err = fill(body, block)
		h.n += int64(n)
	}
	return ended, err
}

// Read implements io.Reader. net/http may go on reading a request's body when the
// answer is there: after release there is nothing to be read, so that the blocks can be
// lent again.
func (h *held) Read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.over:
		return 0, errCut
	case h.offset == h.n:
		return 0, io.EOF
	}
	block := h.blocks[h.offset/blockBytes]
	within := h.offset % blockBytes
	n := copy(p, block[within:min(blockBytes, within+h.n-h.offset)])
	h.offset += int64(n)
	return n, nil
}

// WriteTo implements io.WriterTo: a checksum needs no copy of the part.
func (h *held) WriteTo(w io.Writer) (written int64, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for err == nil && h.offset < h.n {
		if h.over {
			return written, errCut
		}
		within := h.offset % blockBytes
		var n int
		n, err = w.Write(h.blocks[h.offset/blockBytes][within:min(blockBytes, within+h.n-h.offset)])
		h.offset += int64(n)
		written += int64(n)
	}
	return written, err
}

// Seek implements io.Seeker.
func (h *held) Seek(offset int64, whence int) (int64, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch whence {
	case io.SeekCurrent:
		offset += h.offset
	case io.SeekEnd:
		offset += h.n
	}
	if offset < 0 || offset > h.n {
		return 0, errors.New("seeking outside of the part")
	}
	h.offset = offset
	return offset, nil
}

// release gives the memory back.
func (h *held) release() {
	h.mu.Lock()
	h.over = true
	h.mu.Unlock()
	h.memory.take(h.blocks)
	h.memory.room.Release(h.reserved)
}

// take has blocks lent again. When nobody has any, nothing is kept: a process that has
// taken its last upload in parts a while ago needs the memory for something else.
func (m *memory) take(blocks [][]byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.free = append(m.free, blocks...)
	if m.lent -= len(blocks); m.lent == 0 {
		m.free = nil
	}
}
