package admission

import (
	"fmt"
	"math"
	"runtime/metrics"
)

// MinBytesPerSecond is the smallest bandwidth limit. The servers end a transfer that
// stands still for a minute, and one that waits for bandwidth stands still: at 8 MiB/s
// a hundred transfers with messages of 4 MiB each move every 50 s.
const MinBytesPerSecond = 8 << 20

func (l Limits) check() error {
	switch {
	case l.Transfers < 1:
		return fmt.Errorf("%d transfers at a time: at least 1", l.Transfers)
	case l.PerOrganization < 1:
		return fmt.Errorf("%d transfers of an organization at a time: at least 1", l.PerOrganization)
	case l.Waiting < 0 || l.Wait < 0:
		return fmt.Errorf("%d waiting for %s: neither may be negative", l.Waiting, l.Wait)
	case l.BytesPerSecond != 0 && (l.BytesPerSecond < MinBytesPerSecond || l.BytesPerSecond > math.MaxInt32):
		return fmt.Errorf("%d bytes per second: 0 for no bound, or %d to %d", l.BytesPerSecond, MinBytesPerSecond, math.MaxInt32)
	}
	return nil
}

// heap is what the objects of this process take, among them those that the garbage
// collector has not freed yet. Reading it takes less than a microsecond.
func heap() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
