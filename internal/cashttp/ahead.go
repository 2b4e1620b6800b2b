package cashttp

import (
	"io"
	"sync"
)

// copyBytes is what a download is read ahead and written in: large enough that neither
// system calls nor changing hands cost anything.
const copyBytes = 128 << 10

// buffersAhead is how many buffers the rest of a download has: one that is read and hashed
// into while the other one is sent.
const buffersAhead = 2

// buffers are lent to downloads.
var buffers = sync.Pool{New: func() any { return new([copyBytes]byte) }}

// ahead reads content in a goroutine of its own: hashing is most of what a download costs,
// and need not wait for the client.
type ahead struct {
	full  chan piece
	empty chan *[copyBytes]byte
}

// piece is what one Read returned.
type piece struct {
	buffer *[copyBytes]byte
	n      int
	err    error
}

func readAhead(content io.Reader) ahead {
	a := ahead{make(chan piece, buffersAhead), make(chan *[copyBytes]byte, buffersAhead)}
	for range buffersAhead {
		a.empty <- buffers.Get().(*[copyBytes]byte)
	}
	go func() {
		defer close(a.full)
		for buffer := range a.empty {
			n, err := fill(content, buffer[:])
			a.full <- piece{buffer, n, err}
			if err != nil {
				return
			}
		}
	}()
	return a
}

// end waits until content is no longer read.
func (a ahead) end() {
	close(a.empty)
	for p := range a.full {
		buffers.Put(p.buffer)
	}
	for buffer := range a.empty {
		buffers.Put(buffer)
	}
}

// fill reads until buffer is as good as full or content ends, with whatever it ends. Room
// for one byte stays: content that is verified has read one more than it hands out, and a
// read for a single byte costs as much as any.
func fill(content io.Reader, buffer []byte) (n int, err error) {
	for len(buffer)-n > 1 && err == nil {
		var m int
		m, err = content.Read(buffer[n:])
		n += m
	}
	return n, err
}
