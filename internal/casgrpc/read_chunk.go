package casgrpc

import (
	"sync"

	"google.golang.org/genproto/googleapis/bytestream"
	"google.golang.org/grpc/mem"
)

// chunkBytes is the most data in a Read message: large enough that the cost of a message
// vanishes, on the stock client's side as well, whose buffers of this size are 1 MiB and
// are cleared for each message; far below what any client receives (facts WIRE §1.7). A
// stream has about three of them on their way.
const chunkBytes = 512 << 10

// firstChunkBytes is the most in the first one: the client has something to do while the
// server reads on.
const firstChunkBytes = 64 << 10

// chunk is a ReadResponse whose data belong to a pool. Any codec can send it; that of
// ServerOptions sends the data from where they are and gives them back.
type chunk struct {
	*bytestream.ReadResponse
	buffer mem.Buffer
}

// PayloadBytes is how many bytes of the artifact the message has.
func (c chunk) PayloadBytes() int { return len(c.Data) }

// newChunk fills a chunk of at most size bytes from read.
func newChunk(size int, read func([]byte) (int, error)) (chunk, error) {
	data := chunks.Get(size)
	n, err := read(*data)
	*data = (*data)[:n]
	return chunk{&bytestream.ReadResponse{Data: *data}, mem.NewBuffer(data, chunks)}, err
}

// chunkPool is a mem.BufferPool of chunks. Grpc's own one clears what it lends, and has
// no size between 32 KiB and 1 MiB: that costs more than the copy into the buffer.
type chunkPool struct{ pool *sync.Pool }

var chunks = chunkPool{&sync.Pool{New: func() any { b := make([]byte, chunkBytes); return &b }}}

// Get implements mem.BufferPool for lengths up to chunkBytes.
func (p chunkPool) Get(length int) *[]byte {
	b := p.pool.Get().(*[]byte)
	*b = (*b)[:length]
	return b
}

// Put implements mem.BufferPool.
func (p chunkPool) Put(b *[]byte) { p.pool.Put(b) }
