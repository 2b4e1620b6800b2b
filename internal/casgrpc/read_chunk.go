package casgrpc

import (
	"sync"

	"google.golang.org/genproto/googleapis/bytestream"
	"google.golang.org/grpc/mem"
)

// chunkBytes is the size of a Read message: large enough that the cost of a message
// vanishes, far below what any client receives (facts WIRE §1.7). A stream has about
// three of them on their way.
const chunkBytes = 256 << 10

// chunk is a ReadResponse whose data belong to a pool. Any codec can send it; that of
// ServerOptions sends the data from where they are and gives them back.
type chunk struct {
	*bytestream.ReadResponse
	buffer mem.Buffer
}

// PayloadBytes is how many bytes of the artifact the message has.
func (c chunk) PayloadBytes() int { return len(c.Data) }

// newChunk fills a chunk from read.
func newChunk(read func([]byte) (int, error)) (chunk, error) {
	data := chunks.Get(chunkBytes)
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
