package s3api

import (
	"errors"
	"io"
)

const (
	// pumpFrom is the least payload that is worth a goroutine.
	pumpFrom = 512 << 10
	// pumpBuffer and pumpBuffers are what one payload takes of memory on its way.
	pumpBuffer, pumpBuffers = 64 << 10, 4
)

// pump copies like io.Copy, but reads on while what was read is being written: reading
// a payload means hashing it, and writing means encrypting it, each on a processor of
// its own. It returns when both have ended, with the number of bytes that were written.
func pump(w io.Writer, r io.Reader) (written int64, err error) {
	full := make(chan []byte, pumpBuffers)
	free := make(chan []byte, pumpBuffers)
	for range pumpBuffers {
		free <- make([]byte, pumpBuffer)
	}
	var failed error // known when free is closed
	go func() {
		defer close(free)
		for p := range full {
			var n int
			n, failed = w.Write(p)
			written += int64(n)
			if failed != nil {
				return
			}
			free <- p[:pumpBuffer]
		}
	}()
	for err == nil {
		p, open := <-free
		if !open {
			return written, failed
		}
		var n int
		if n, err = fill(p, r); n > 0 {
			full <- p[:n]
		}
	}
	close(full)
	for range free { // until all is written
	}
	if failed == nil && !errors.Is(err, io.EOF) {
		failed = err
	}
	return written, failed
}

// fill reads until p is full or r ends. Unlike io.ReadFull it tells an end from an end
// that r itself calls unexpected.
func fill(p []byte, r io.Reader) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = r.Read(p[n:])
		n += m
	}
	return n, err
}
