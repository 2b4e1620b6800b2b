package process

import (
	"bytes"
	"sync"
)

// Output is what a process writes, for those who read it meanwhile.
type Output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write appends. It never fails.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

// String returns all that was written until now.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}
