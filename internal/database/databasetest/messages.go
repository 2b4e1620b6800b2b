package databasetest

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

// PostgreSQL's messages: a byte that says what it is, the length of the rest, itself
// included, and the rest (PostgreSQL documentation, "Message Formats"). The first message
// of a connection has no such byte.

const (
	cancelRequest = 80877102
	// ping is what pgx asks a connection that was idle.
	ping = "-- ping"
	// maxMessage is far more than any test sends.
	maxMessage = 64 << 20
)

func read(r *bufio.Reader) (kind byte, message []byte, err error) {
	if kind, err = r.ReadByte(); err != nil {
		return 0, nil, err
	}
	rest, err := startup(r)
	return kind, append([]byte{kind}, rest...), err
}

func startup(r *bufio.Reader) ([]byte, error) {
	length := make([]byte, 4)
	if _, err := io.ReadFull(r, length); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(length)
	if n < 4 || n > maxMessage {
		return nil, fmt.Errorf("a message of %d bytes", n)
	}
	rest := make([]byte, n-4)
	_, err := io.ReadFull(r, rest)
	return append(length, rest...), err
}

func framed(kind byte, body string) []byte {
	m := binary.BigEndian.AppendUint32([]byte{kind}, uint32(4+len(body)))
	return append(m, body...)
}

// text returns what stands before the first zero byte.
func text(b []byte) string {
	before, _, _ := bytes.Cut(b, []byte{0})
	return string(before)
}
