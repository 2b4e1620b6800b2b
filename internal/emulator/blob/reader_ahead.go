package blob

import "io"

const (
	// ahead is how many bytes are opened at once while earlier ones are on their way out.
	ahead = 4 * segmentSize
	// aheadBuffers is how many of these a reader holds: one being filled, one being sent,
	// one in between.
	aheadBuffers = 3
	// aheadFrom is the least range for which a second goroutine is worth its cost.
	aheadFrom = 1 << 20
)

// stretch is a run of opened bytes, or the error that ended the run before it.
type stretch struct {
	plain  []byte
	buffer []byte // that plain lies in
	err    error
}

// writeAhead writes the rest of the range to w and opens the next segments in the
// meantime, on another processor. It returns when both have ended. When all processors
// have work as it is, it costs more than it gains.
func (r *Reader) writeAhead(w io.Writer) (written int64, err error) {
	opened := make(chan stretch, aheadBuffers)
	free := make(chan []byte, aheadBuffers)
	for range aheadBuffers {
		free <- make([]byte, 0, ahead+tagSize)
	}
	go func() {
		defer close(opened)
		for buffer := range free {
			out := r.fill(buffer)
			opened <- out
			if out.err != nil || r.left == 0 {
				return
			}
		}
	}()
	for out := range opened {
		if err == nil {
			var n int
			n, err = w.Write(out.plain)
			written += int64(n)
			if err == nil {
				err = out.err
			}
			if err != nil {
				close(free)
			}
		}
		if err == nil {
			free <- out.buffer
		}
	}
	return written, err
}

// fill opens segments into buffer until no other fits or the range ends.
func (r *Reader) fill(buffer []byte) stretch {
	out := stretch{plain: append(buffer[:0], r.plain...), buffer: buffer}
	r.left -= int64(len(r.plain))
	r.plain = nil
	for r.left > 0 && len(out.plain)+sealedSize <= cap(buffer) {
		plain, err := r.openInto(buffer[len(out.plain):cap(buffer)])
		if err != nil {
			out.err = err
			break
		}
		out.plain = append(out.plain, plain...)
		r.left -= int64(len(plain))
	}
	return out
}
