package blob

import (
	"errors"
	"fmt"
	"os"
)

// writeAhead is how many bytes of a blob gather before the disk is told to begin with
// them: enough that it works in long strokes, and little to wait for at the end.
const writeAhead = 4 << 20

// Writer writes one blob. It uses memory for one segment, whatever the blob's size.
// Call Commit or Abort; Abort after Commit does nothing.
type Writer struct {
	store    *Store
	dataKey  []byte
	ended    bool
	id       ID       // empty until it is clear whether the blob is small
	file     *os.File // nil until then
	segments segments
	plain    []byte // of the current segment
	sealed   []byte
	index    uint64
	size     int64
	onDisk   int64 // bytes of the file that the disk was told to begin with
	err      error // sticky
}

// Create begins a blob that is encrypted under dataKey, KeySize bytes.
func (s *Store) Create(dataKey []byte) (*Writer, error) {
	if len(dataKey) != KeySize {
		return nil, fmt.Errorf("create blob: data key of %d bytes: want %d", len(dataKey), KeySize)
	}
	return &Writer{store: s, dataKey: dataKey}, nil
}

// name gives the blob its ID, and with it its key.
func (w *Writer) name(id ID) (err error) {
	w.id = id
	w.segments, err = newSegments(w.dataKey, id)
	return err
}

// openFile takes a file. The blob is written where it stays: until Commit nobody knows
// its name, and a rename would cost a second commit of the file system's journal.
func (w *Writer) openFile() error {
	id, err := w.store.spares.take()
	if err != nil {
		return fmt.Errorf("create blob: %w", err)
	}
	if err = w.name(id); err == nil {
		w.file, err = os.OpenFile(w.store.path(id), os.O_WRONLY, 0)
	}
	if err != nil {
		w.store.spares.remove([]ID{id})
		return fmt.Errorf("create blob: %w", err)
	}
	return nil
}

// Write implements io.Writer.
func (w *Writer) Write(p []byte) (n int, err error) {
	for len(p) > 0 && w.err == nil {
		// A full segment waits until more follows: only then is it not the last one.
		if len(w.plain) == segmentSize {
			w.flush(false)
			continue
		}
		w.grow(len(p))
		part := p[:min(len(p), cap(w.plain)-len(w.plain))]
		w.plain = append(w.plain, part...)
		p = p[len(part):]
		n += len(part)
	}
	w.size += int64(n)
	return n, w.err
}

// grow makes room for n more bytes of the segment, at most its size. Small blobs
// need little, the first large write makes room for a whole segment.
func (w *Writer) grow(n int) {
	need := min(len(w.plain)+n, segmentSize)
	if need <= cap(w.plain) {
		return
	}
	size := 4 << 10
	if need > size {
		size = segmentSize
	}
	w.plain = append(make([]byte, 0, size), w.plain...)
}

func (w *Writer) flush(last bool) {
	if w.file == nil {
		if w.err = w.openFile(); w.err != nil {
			return
		}
	}
	w.sealed = w.segments.seal(w.sealed[:0], w.plain, w.index, last)
	if _, err := w.file.Write(w.sealed); err != nil {
		w.err = fmt.Errorf("write blob: %w", err)
	}
	w.plain = w.plain[:0]
	w.index++
	if written := int64(w.index) * sealedSize; written-w.onDisk >= writeAhead {
		startWriting(w.file, w.onDisk, written-w.onDisk)
		w.onDisk = written
	}
}

// Size returns how many bytes were written.
func (w *Writer) Size() int64 { return w.size }

// Commit ends the blob. A file of it is durable then, a small blob is when it is
// recorded. After an error nothing of the blob is left.
func (w *Writer) Commit() (Content, error) {
	if w.ended {
		return Content{}, errors.New("commit blob: already ended")
	}
	if w.err == nil && w.size <= smallMax {
		return w.commitSmall()
	}
	if w.err == nil {
		w.flush(true)
	}
	if w.err == nil {
		w.err = syncData(w.file)
	}
	if w.err != nil {
		err := w.err
		w.Abort()
		return Content{}, fmt.Errorf("commit blob: %w", err)
	}
	name := w.file.Name()
	if err := w.end(); err != nil {
		return Content{}, errors.Join(fmt.Errorf("commit blob: %w", err), os.Remove(name))
	}
	return Content{ID: w.id, store: w.store}, nil
}

func (w *Writer) commitSmall() (Content, error) {
	if err := w.name(smallPrefix + newID()); err != nil {
		return Content{}, fmt.Errorf("commit blob: %w", err)
	}
	sealed := w.segments.seal(nil, w.plain, 0, true)
	return Content{ID: w.id, sealed: sealed, store: w.store}, w.end()
}

// Abort removes what was written.
func (w *Writer) Abort() {
	if w.ended {
		return
	}
	file := w.file
	err := w.end()
	if file != nil {
		// What cannot be removed now is removed by the next Sweep.
		_ = errors.Join(err, os.Remove(file.Name()))
	}
}

func (w *Writer) end() (err error) {
	if w.file != nil {
		err = w.file.Close()
	}
	w.file, w.ended = nil, true
	w.err = errors.New("write blob: already ended")
	return err
}
