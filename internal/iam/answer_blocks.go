package iam

import (
	"bytes"
	"io"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
)

// How much AnswerLines reads at once, at first and at most, and how much of that one
// core answers before it takes more.
const (
	firstBlockBytes = 64 << 10
	mostBlockBytes  = 512 << 10
	partBytes       = 16 << 10
)

// blockReader reads lines in blocks: as many as are there to be read.
type blockReader struct {
	in       io.Reader
	buf      []byte
	begun, n int   // buf[begun:n] is the beginning of the next block
	err      error // of the last read, to be returned behind what it read
	dropping bool  // what comes is the rest of a line that is too long
}

// next returns the next block of whole lines, which is good until the next call; the
// last one may lack its newline. Of a line that is too long it keeps nothing, and
// returns tooLong in its place. An error comes alone.
func (r *blockReader) next() (block []byte, tooLong bool, err error) {
	if r.buf == nil {
		r.buf = make([]byte, firstBlockBytes)
	}
	r.makeRoom()
	for r.err == nil {
		if r.n == len(r.buf) {
			r.grow()
		}
		fresh := r.read()
		if r.dropping {
			fresh = r.drop(fresh)
		}
		if end := bytes.LastIndexByte(fresh, '\n') + 1; end > 0 {
			r.begun = r.n - len(fresh) + end
			return r.buf[:r.begun], false, nil
		}
		if r.n > MaxQuestionBytes {
			r.n, r.dropping = 0, true
			return nil, true, nil
		}
	}
	if r.n > 0 {
		block, r.begun = r.buf[:r.n], r.n
		return block, false, nil
	}
	return nil, false, r.err
}

// makeRoom moves the beginning of a line to the front. A buffer that was full has more
// to read behind it than it can hold.
func (r *blockReader) makeRoom() {
	full := r.n == len(r.buf)
	r.n = copy(r.buf, r.buf[r.begun:r.n])
	r.begun = 0
	if full && len(r.buf) < mostBlockBytes {
		r.grow()
	}
}

func (r *blockReader) grow() {
	larger := make([]byte, 2*len(r.buf))
	copy(larger, r.buf[:r.n])
	r.buf = larger
}

func (r *blockReader) read() []byte {
	const patience = 100 // as bufio has with a reader that reads nothing
	for range patience {
		var m int
		if m, r.err = r.in.Read(r.buf[r.n:]); m > 0 || r.err != nil {
			r.n += m
			return r.buf[r.n-m : r.n]
		}
	}
	r.err = io.ErrNoProgress
	return nil
}

// drop takes the rest of a line that is too long out of what was read.
func (r *blockReader) drop(fresh []byte) []byte {
	_, rest, ended := bytes.Cut(fresh, []byte{'\n'})
	r.dropping = !ended
	r.n = copy(r.buf, rest)
	return r.buf[:r.n]
}

// answerers answer a block together, each core a part at a time.
type answerers struct {
	each  []answerer
	parts []answeredPart
}

// answeredPart is some lines of a block, and their answers.
type answeredPart struct{ lines, answers []byte }

func (a *answerers) answer(block []byte) []answeredPart {
	a.split(block)
	cores := min(runtime.GOMAXPROCS(0), len(a.parts))
	for len(a.each) < cores {
		a.each = append(a.each, answerer{})
	}
	if cores == 1 {
		for i := range a.parts {
			a.each[0].answerPart(&a.parts[i])
		}
		return a.parts
	}
	var taken atomic.Int64
	var working sync.WaitGroup
	for i := range cores {
		working.Go(func() {
			for part := taken.Add(1); part <= int64(len(a.parts)); part = taken.Add(1) {
				a.each[i].answerPart(&a.parts[part-1])
			}
		})
	}
	working.Wait()
	return a.parts
}

// split cuts a block into parts of whole lines. Their buffers for answers are those of
// the block before.
func (a *answerers) split(block []byte) {
	old := a.parts[:cap(a.parts)]
	a.parts = a.parts[:0]
	for len(block) > 0 {
		end := len(block)
		if end > partBytes {
			if newline := bytes.IndexByte(block[partBytes-1:], '\n'); newline >= 0 {
				end = partBytes + newline
			}
		}
		var answers []byte
		if i := len(a.parts); i < len(old) {
			answers = old[i].answers
		}
		a.parts = append(a.parts, answeredPart{block[:end], answers[:0]})
		block = block[end:]
	}
}

func (a *answerer) answerPart(p *answeredPart) {
	text := string(p.lines) // once for all its lines, which refer to it
	for len(text) > 0 {
		line := text
		if end := strings.IndexByte(text, '\n') + 1; end > 0 {
			line = text[:end]
		}
		text = text[len(line):]
		if strings.TrimSpace(line) != "" {
			p.answers = appendAnswer(p.answers, a.answerLine(line))
		}
	}
}
