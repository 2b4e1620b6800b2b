package blob

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync/atomic"
)

// ErrCorrupt is what reading a blob fails with when its file is not what was
// written, or the key is not the one that it was written with.
var ErrCorrupt = errors.New("blob is corrupt")

// Reader reads a range of a blob. Every byte that it returns is authentic; it opens
// only the segments that the range touches, one at a time.
type Reader struct {
	id       ID
	file     file
	size     int64         // of the file
	pairs    *atomic.Int32 // of the store: how many read ahead
	segments segments
	count    int64 // segments in the file
	next     int64 // index of the segment to open next
	skip     int64 // bytes to leave out of it
	left     int64 // bytes still to return
	buffer   []byte
	plain    []byte // opened and not yet returned
	err      error  // sticky
}

// file is where the sealed form of a blob is read from.
type file interface {
	io.ReaderAt
	io.Closer
}

// open returns the sealed form of a blob and its size.
func (s *Store) open(id ID) (file, int64, error) {
	if id.small() {
		m, err := s.openSmall(id)
		if err != nil {
			return nil, 0, err
		}
		return m, m.Size(), nil
	}
	f, err := os.Open(s.path(id))
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// Open returns a reader of length bytes of a blob from offset. The range must lie
// inside the blob. The caller closes the reader.
func (s *Store) Open(id ID, dataKey []byte, offset, length int64) (*Reader, error) {
	seg, err := newSegments(dataKey, id)
	if err != nil {
		return nil, err
	}
	file, size, err := s.open(id)
	if err != nil {
		return nil, fmt.Errorf("open blob %s: %w", id, err)
	}
	r := &Reader{id: id, file: file, size: size, pairs: &s.pairs, segments: seg, next: offset / segmentSize, skip: offset % segmentSize, left: length}
	if err := r.measure(offset, length); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return r, nil
}

func (r *Reader) measure(offset, length int64) error {
	size, count := plainSize(r.size)
	if size < 0 || offset < 0 || length < 0 || length > size-offset {
		return fmt.Errorf("open blob %s: bytes %d+%d of a file of %d bytes: %w", r.id, offset, length, r.size, ErrCorrupt)
	}
	r.count = count
	r.buffer = make([]byte, min(r.size, sealedSize))
	if offset+length == size {
		// To reach the end, the segment that says so must be read, even if the range is
		// empty: this is what tells a file that was cut from a whole one.
		r.next = min(r.next, count-1)
		r.skip = offset - r.next*segmentSize
		if length == 0 {
			_, err := r.open()
			return err
		}
	}
	return nil
}

// Prime opens the first segment of the range, so that a blob that cannot be read is
// known before an answer has begun.
func (r *Reader) Prime() error {
	if len(r.plain) > 0 || r.left == 0 {
		return nil
	}
	var err error
	r.plain, err = r.open()
	return err
}

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	if err := r.Prime(); err != nil {
		return 0, err
	}
	n := copy(p, r.plain)
	r.plain = r.plain[n:]
	r.left -= int64(n)
	return n, nil
}

// WriteTo implements io.WriterTo, to spare io.Copy its own buffer.
func (r *Reader) WriteTo(w io.Writer) (written int64, err error) {
	if r.left >= aheadFrom {
		defer r.pairs.Add(-1)
		if int(r.pairs.Add(1)) <= runtime.GOMAXPROCS(0) {
			return r.writeAhead(w)
		}
	}
	for r.left > 0 {
		if err := r.Prime(); err != nil {
			return written, err
		}
		n, err := w.Write(r.plain)
		written += int64(n)
		r.left -= int64(n)
		r.plain = r.plain[n:]
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// open returns what the range takes of the next segment.
func (r *Reader) open() ([]byte, error) { return r.openInto(r.buffer) }

// openInto does so in buffer, which has room for the segment's sealed form.
func (r *Reader) openInto(buffer []byte) ([]byte, error) {
	if r.err != nil {
		return nil, r.err
	}
	last := r.next == r.count-1
	buffer = buffer[:min(cap(buffer), sealedSize)]
	n, err := r.file.ReadAt(buffer, r.next*sealedSize)
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = fmt.Errorf("read blob %s: %w", r.id, err)
		return nil, r.err
	}
	sealed := buffer[:n]
	plain, err := r.segments.open(sealed[:0], sealed, uint64(r.next), last)
	if err != nil || int64(len(plain)) < r.skip {
		r.err = fmt.Errorf("read blob %s, segment %d: %w", r.id, r.next, ErrCorrupt)
		return nil, r.err
	}
	plain = plain[r.skip:]
	if int64(len(plain)) < r.left && last {
		r.err = fmt.Errorf("read blob %s, segment %d: %w", r.id, r.next, ErrCorrupt)
		return nil, r.err
	}
	r.next, r.skip = r.next+1, 0
	return plain[:min(int64(len(plain)), r.left)], nil
}

// Close closes the file.
func (r *Reader) Close() error { return r.file.Close() }
