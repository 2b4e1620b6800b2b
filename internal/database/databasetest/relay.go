package databasetest

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Relay is a process's way to PostgreSQL on which things go wrong: it stands between the
// process's pool and the server, and asks of every exchange what is to become of it.
type Relay struct {
	URL string // the database's, by this way

	socket string // the server's
	judge  func(Exchange) Fate
	listen net.Listener
	served sync.WaitGroup

	mu   sync.Mutex
	cut  bool
	open map[net.Conn]bool
}

// Exchange is what a client sends before it waits for an answer: mostly one statement.
type Exchange struct {
	Connection int
	Statement  string
	sent       []byte
}

// Mentions reports whether the statement or its arguments have the text in them.
func (e Exchange) Mentions(text string) bool { return bytes.Contains(e.sent, []byte(text)) }

// Fate is what becomes of an exchange. The zero value lets it pass.
type Fate struct {
	// Refused is the SQLSTATE of an answer that stands in for the server's: the statement
	// is not executed, and if it was a COMMIT, the transaction is rolled back.
	Refused string
	// Lost: no answer comes. The connection is cut, after the effect if there is one, or,
	// with Hang, is silent until the client gives up.
	Lost, Effect, Hang bool
	// Then is called when nothing else will happen, before the client knows.
	Then func()
}

// NewRelay returns a relay to the database at target, one of Postgres's.
func NewRelay(t testing.TB, target string, judge func(Exchange) Fate) *Relay {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	r := &Relay{judge: judge, socket: filepath.Join(query.Get("host"), socketName), open: map[net.Conn]bool{}}
	dir, err := os.MkdirTemp("", "relay-*") // shorter than t.TempDir: the name of a socket has 107 bytes at most
	if err != nil {
		t.Fatal(err)
	}
	if r.listen, err = net.Listen("unix", filepath.Join(dir, socketName)); err != nil {
		t.Fatal(err)
	}
	query.Set("host", dir)
	u.RawQuery = query.Encode()
	r.URL = u.String()
	r.served.Go(r.accept)
	t.Cleanup(func() {
		r.Cut()
		r.served.Wait()
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return r
}

const socketName = ".s.PGSQL.5432"

// Cut ends all connections, and lets none come any more.
func (r *Relay) Cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cut = true
	_ = r.listen.Close()
	for c := range r.open {
		_ = c.Close()
	}
}

func (r *Relay) accept() {
	for n := 1; ; n++ {
		client, err := r.listen.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("unix", r.socket)
		if err != nil {
			_ = client.Close()
			continue
		}
		l := &line{relay: r, number: n, client: bufio.NewReader(client), server: bufio.NewReader(server), toClient: client, toServer: server}
		r.served.Go(func() {
			if r.hold(client, server) {
				_ = l.run() // ends with either side
			}
			r.release(client, server)
		})
	}
}

func (r *Relay) hold(ends ...net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range ends {
		r.open[c] = true
	}
	return !r.cut
}

func (r *Relay) release(ends ...net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range ends {
		delete(r.open, c)
		_ = c.Close()
	}
}

// line is one connection. The client waits for each answer before it sends more.
type line struct {
	relay              *Relay
	number             int
	client, server     *bufio.Reader
	toClient, toServer io.Writer
	status             byte // of the server's last answer: idle, or in a transaction
}

var errLost = errors.New("the answer is lost")

func (l *line) run() error {
	hello, err := startup(l.client)
	if err != nil {
		return err
	}
	if _, err := l.toServer.Write(hello); err != nil {
		return err
	}
	if binary.BigEndian.Uint32(hello[4:]) == cancelRequest {
		_, err := io.Copy(io.Discard, l.server)
		return err
	}
	for err = l.answer(l.toClient); err == nil; {
		var e Exchange
		if e, err = l.exchange(); err == nil {
			err = l.carryOut(e)
		}
	}
	return err
}

func (l *line) carryOut(e Exchange) error {
	var fate Fate
	if e.Statement != "" && e.Statement != ping {
		fate = l.relay.judge(e)
	}
	if fate.Refused != "" {
		return l.refuse(e, fate)
	}
	if !fate.Lost || fate.Effect {
		if _, err := l.toServer.Write(e.sent); err != nil {
			return err
		}
	}
	if !fate.Lost {
		return l.answer(l.toClient)
	}
	if fate.Effect {
		if err := l.answer(io.Discard); err != nil {
			return err
		}
	}
	if fate.Then != nil {
		fate.Then()
	}
	if fate.Hang { // until the client says good-bye: it waits for the server's
		_, _, _ = read(l.client)
	}
	return errLost
}

// refuse answers in the server's place.
func (l *line) refuse(e Exchange, fate Fate) error {
	if strings.EqualFold(e.Statement, "commit") {
		if _, err := l.toServer.Write(framed('Q', "ROLLBACK\x00")); err != nil {
			return err
		}
		if err := l.answer(io.Discard); err != nil {
			return err
		}
	}
	status := l.status
	if status == 'T' {
		status = 'E' // the client has to roll back
	}
	answer := framed('E', fmt.Sprintf("SERROR\x00VERROR\x00C%s\x00Mrefused on purpose\x00\x00", fate.Refused))
	_, err := l.toClient.Write(append(answer, framed('Z', string(status))...))
	return err
}

// answer passes on what the server says, until it waits for more.
func (l *line) answer(to io.Writer) error {
	var all []byte
	for {
		kind, message, err := read(l.server)
		all = append(all, message...)
		if err != nil || kind == 'Z' {
			if kind == 'Z' {
				l.status = message[5]
			}
			_, failed := to.Write(all)
			return errors.Join(err, failed)
		}
	}
}

// exchange reads what the client sends until it waits.
func (l *line) exchange() (Exchange, error) {
	e := Exchange{Connection: l.number}
	for {
		kind, message, err := read(l.client)
		if err != nil {
			return e, err
		}
		e.sent = append(e.sent, message...)
		switch kind {
		case 'Q':
			e.Statement = text(message[5:])
			return e, nil
		case 'P': // the name of the statement, and what it says
			_, statement, _ := bytes.Cut(message[5:], []byte{0})
			e.Statement = text(statement)
		case 'S', 'X':
			return e, nil
		}
	}
}
