package session

import "sync/atomic"

// Stats count what Sessions did since it was made.
type Stats struct {
	Hits     int64 // requests that a kept session served
	Mints    int64 // sessions that STS issued
	Failures int64 // attempts to get one that failed
	Renewals int64 // attempts in the background
	Drops    int64 // sessions forgotten because AWS denied them
	Withheld int64 // AssumeRole calls that were not made, for another was just denied
	Packed   int64 // percent of the space for policies and tags that the last session took
}

type counters struct{ hits, mints, failures, renewals, drops, withheld, packed atomic.Int64 }

func (c *counters) minted(got Credentials) {
	c.mints.Add(1)
	c.packed.Store(int64(got.Packed))
}

// Stats returns the counts.
func (s *Sessions) Stats() Stats {
	c := &s.stats
	return Stats{
		Hits: c.hits.Load(), Mints: c.mints.Load(), Failures: c.failures.Load(),
		Renewals: c.renewals.Load(), Drops: c.drops.Load(), Withheld: c.withheld.Load(),
		Packed: c.packed.Load(),
	}
}
