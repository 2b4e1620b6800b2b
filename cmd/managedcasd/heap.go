package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// heapRoom is how many bytes a process that moves artifacts may allocate between two
// garbage collections. By default Go takes as much as is in use: little in an idle process,
// where small requests then pay for many collections, and more than the transfers
// themselves in a busy one, whose buffers are used again and again and are hardly garbage.
const heapRoom = 12 << 20

// leastPercent bounds how often a large heap is collected, whatever heapRoom says.
const leastPercent = 25

// keepHeapWithin has the garbage collector work harder before transfers are refused for
// want of memory, and keeps the heap close to what is in use. Who sets GOMEMLIMIT or GOGC
// knows better.
func keepHeapWithin(bytes int64) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(bytes)
	}
	if os.Getenv("GOGC") == "" {
		keepHeapRoom()
	}
}

// keepHeapRoom sets the percentage that leaves heapRoom now, and after every collection.
func keepHeapRoom() {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	debug.SetGCPercent(percentFor(live[0].Value.Uint64()))
	collected := &struct{ self *int }{} // has a pointer, so that it shares its place with nothing
	runtime.AddCleanup(collected, func(struct{}) { keepHeapRoom() }, struct{}{})
}

// percentFor is the GOGC that leaves heapRoom to a heap of live bytes.
func percentFor(live uint64) int {
	return max(int(100*heapRoom/max(live, 1<<20)), leastPercent)
}
