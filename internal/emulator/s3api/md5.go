package s3api

import (
	"crypto/md5"
	"hash"
	"sync"
	"sync/atomic"

	md5simd "github.com/minio/md5-simd"
)

// MD5 is what S3 names an object's content with (the ETag), and by far the slowest of
// all that is done to a byte here: it takes twice as long as SHA-256, and no processor
// helps. So that long payloads do not wait for it, it is computed beside the rest; and
// when several come at once, in the lanes of one vector unit.

const (
	// md5Beside is the least payload that is worth a goroutine.
	md5Beside = 256 << 10
	// md5Lanes is from how many at once the vector unit computes: one lane alone is slower
	// than the ordinary implementation.
	md5Lanes = 3
	// md5Chunk and md5Chunks bound what waits to be hashed.
	md5Chunk, md5Chunks = 64 << 10, 8
)

// md5s computes MD5s. The zero value is ready.
type md5s struct {
	running atomic.Int32
	start   sync.Once
	vector  md5simd.Server
}

// sum is an MD5 in the making. Close it, or memory and a goroutine stay.
type sum interface {
	Write(p []byte) (int, error)
	// Finish says that no Write follows.
	Finish()
	// Sum waits for the result. Finish comes first.
	Sum() []byte
	Close()
}

// new begins an MD5 of about length bytes.
func (m *md5s) new(length int64) sum {
	if length < md5Beside {
		return ordinary{md5.New()}
	}
	if m.running.Add(1) >= md5Lanes {
		m.start.Do(func() { m.vector = md5simd.NewServer() })
		return &counted{sum: &lane{Hasher: m.vector.NewHash()}, running: &m.running}
	}
	return &counted{sum: newBeside(), running: &m.running}
}

func (m *md5s) close() {
	m.start.Do(func() {})
	if m.vector != nil {
		m.vector.Close()
	}
}

// counted tells when it is over.
type counted struct {
	sum
	running *atomic.Int32
	once    sync.Once
}

func (c *counted) Close() {
	c.once.Do(func() {
		c.sum.Close()
		c.running.Add(-1)
	})
}

// ordinary is computed where it is written to.
type ordinary struct{ hash.Hash }

func (ordinary) Finish()       {}
func (o ordinary) Sum() []byte { return o.Hash.Sum(nil) }
func (ordinary) Close()        {}

// lane is computed in one lane of the vector unit, which it leaves as soon as it can:
// the others would wait for what it does not write.
type lane struct {
	md5simd.Hasher
	result chan []byte
}

func (l *lane) Finish() {
	l.result = make(chan []byte, 1)
	go func() {
		l.result <- l.Hasher.Sum(nil)
		l.Hasher.Close()
	}()
}

func (l *lane) Sum() []byte { return <-l.result }

func (l *lane) Close() {
	if l.result == nil {
		l.Hasher.Close()
	}
}

// beside is computed by a goroutine of its own.
type beside struct {
	chunks chan []byte
	free   chan []byte
	filled []byte
	result chan []byte
	end    func()
}

func newBeside() *beside {
	b := &beside{chunks: make(chan []byte, md5Chunks), free: make(chan []byte, md5Chunks), result: make(chan []byte, 1)}
	for range md5Chunks {
		b.free <- nil // made when first used
	}
	b.end = sync.OnceFunc(func() { close(b.chunks) })
	go func() {
		h := md5.New()
		for chunk := range b.chunks {
			h.Write(chunk)
			b.free <- chunk[:0]
		}
		b.result <- h.Sum(nil)
	}()
	return b
}

func (b *beside) Write(p []byte) (n int, err error) {
	for n < len(p) {
		if b.filled == nil {
			if b.filled = <-b.free; b.filled == nil {
				b.filled = make([]byte, 0, md5Chunk)
			}
		}
		part := p[n:min(len(p), n+cap(b.filled)-len(b.filled))]
		b.filled = append(b.filled, part...)
		n += len(part)
		if len(b.filled) == cap(b.filled) {
			b.flush()
		}
	}
	return n, nil
}

func (b *beside) flush() {
	if len(b.filled) > 0 {
		b.chunks <- b.filled
	}
	b.filled = nil
}

func (b *beside) Finish() {
	b.flush()
	b.end()
}

func (b *beside) Sum() []byte { return <-b.result }

func (b *beside) Close() { b.end() }
