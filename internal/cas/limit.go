package cas

import (
	"fmt"
	"io"
)

// Limit returns a reader of body that fails with ErrTooLarge when there are more
// than limit bytes. It never hands out the byte that is one too many.
func Limit(body io.Reader, limit int64) io.Reader {
	return &limited{body: body, left: limit, limit: limit}
}

type limited struct {
	body        io.Reader
	left, limit int64
	err         error // sticky
}

func (l *limited) Read(p []byte) (int, error) {
	if l.err != nil || len(p) == 0 {
		return 0, l.err
	}
	// One byte more than is allowed, to notice it.
	if int64(len(p))-1 > l.left {
		p = p[:l.left+1]
	}
	n, err := l.body.Read(p)
	if int64(n) > l.left {
		l.err = fmt.Errorf("%w: more than %d bytes", ErrTooLarge, l.limit)
		return int(l.left), l.err
	}
	l.left -= int64(n)
	return n, err
}
