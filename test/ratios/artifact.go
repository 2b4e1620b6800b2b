package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/managedcas/managedcas/internal/digest"
)

// artifact is a serial number of eight bytes and so many bytes of noise: no two are alike,
// and none takes memory of its own.
type artifact struct {
	serial uint64
	noise  []byte
	digest digest.Digest
}

var (
	serials atomic.Uint64
	noise   = sync.OnceValue(func() []byte {
		out := make([]byte, gib)
		_, _ = rand.NewChaCha8([32]byte{'n'}).Read(out) // never fails
		return out
	})
)

func newArtifact(size int64) artifact {
	a := artifact{serial: serials.Add(1), noise: noise()[8:size]}
	hash := sha256.New()
	_, _ = io.Copy(hash, a.content())
	a.digest, _ = digest.FromSum(hash.Sum(nil)) // 32 bytes
	return a
}

func (a artifact) size() int64 { return int64(len(a.noise)) + 8 }

func (a artifact) content() io.ReadSeeker {
	var first [8]byte
	binary.BigEndian.PutUint64(first[:], a.serial)
	return &content{a.size(), first, a.noise, 0}
}

// content reads an artifact.
type content struct {
	size  int64
	first [8]byte
	noise []byte
	at    int64
}

func (c *content) Read(p []byte) (n int, err error) {
	if c.at == c.size {
		return 0, io.EOF
	}
	if c.at < 8 {
		n = copy(p, c.first[c.at:])
	}
	n += copy(p[n:], c.noise[max(0, c.at+int64(n)-8):])
	c.at += int64(n)
	return n, nil
}

func (c *content) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += c.at
	case io.SeekEnd:
		offset += c.size
	}
	c.at = min(max(offset, 0), c.size)
	return c.at, nil
}

// drain takes size bytes from r and nothing else, as an application does that copies them
// to where it wants them.
func drain(r io.Reader, size int64) error {
	n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, r, make([]byte, 64*kib))
	if err == nil && n != size {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// each has clients work on all artifacts at once and returns how long that took, and each
// artifact by itself.
func each(clients int, all []artifact, do func(artifact) error) (time.Duration, []time.Duration, error) {
	var (
		next  atomic.Int64
		group sync.WaitGroup
		once  sync.Once
		first error
		each  = make([]time.Duration, len(all))
	)
	begin := time.Now()
	for range clients {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(all)); i = next.Add(1) - 1 {
				started := time.Now()
				if err := do(all[i]); err != nil {
					once.Do(func() { first = err })
					return
				}
				each[i] = time.Since(started)
			}
		})
	}
	group.Wait()
	return time.Since(begin), each, first
}

// sha256PerGiB is what one hash over a GiB costs here, in CPU seconds.
func sha256PerGiB() float64 {
	var before, after syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
	_, _ = io.Copy(sha256.New(), bytes.NewReader(noise()))
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
	return float64(after.Utime.Nano()+after.Stime.Nano()-before.Utime.Nano()-before.Stime.Nano()) / 1e9
}
