package state

import (
	"fmt"
	"runtime/debug"
	"sync"

	"go.etcd.io/bbolt"
)

// group commits transactions together that arrive while another commit is being
// written: under load one fsync serves many, and a lone transaction never waits for
// company. (bbolt's own Batch makes each wait for a timer.)
type group struct {
	bolt *bbolt.DB

	mu      sync.Mutex
	waiting []*call
	running bool
}

// call is a transaction on its way.
type call struct {
	fn   func(*bbolt.Tx) error
	done chan error
}

// panicked carries a panic of a transaction's function to where it was submitted.
type panicked struct {
	value any
	stack []byte
}

func (p panicked) Error() string { return fmt.Sprintf("panic: %v\n%s", p.value, p.stack) }

func (g *group) update(fn func(*bbolt.Tx) error) error {
	c := &call{fn: fn, done: make(chan error, 1)}
	g.mu.Lock()
	g.waiting = append(g.waiting, c)
	if !g.running {
		g.running = true
		go g.run()
	}
	g.mu.Unlock()
	err := <-c.done
	if p, ok := err.(panicked); ok {
		panic(p.Error())
	}
	return err
}

// run commits until nobody waits.
func (g *group) run() {
	for {
		g.mu.Lock()
		calls := g.waiting
		g.waiting = nil
		g.running = len(calls) > 0
		g.mu.Unlock()
		if len(calls) == 0 {
			return
		}
		g.commit(calls)
	}
}

// commit runs all calls in one transaction. A call that fails takes the transaction
// with it; it is then left out and run alone, so that its verdict does not rest on
// what was rolled back.
func (g *group) commit(calls []*call) {
	var alone []*call
	for len(calls) > 0 {
		failed := -1
		err := g.bolt.Update(func(tx *bbolt.Tx) error {
			for i, c := range calls {
				if err := safely(c.fn, tx); err != nil {
					failed = i
					return err
				}
			}
			return nil
		})
		if failed < 0 || len(calls) == 1 {
			answer(calls, err)
			break
		}
		alone = append(alone, calls[failed])
		calls = append(calls[:failed:failed], calls[failed+1:]...)
	}
	for _, c := range alone {
		answer([]*call{c}, g.bolt.Update(func(tx *bbolt.Tx) error { return safely(c.fn, tx) }))
	}
}

func answer(calls []*call, err error) {
	for _, c := range calls {
		c.done <- err
	}
}

func safely(fn func(*bbolt.Tx) error, tx *bbolt.Tx) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = panicked{v, debug.Stack()}
		}
	}()
	return fn(tx)
}
