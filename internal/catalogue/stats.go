package catalogue

import "sync/atomic"

// Stats count what a Catalogue did since it was made.
type Stats struct {
	Queued   int   // entries that wait for the database
	Looking  int   // duplicates that wait to be looked up
	Batches  int64 // transactions
	Written  int64 // entries in them
	Failures int64 // attempts that the database failed
	Late     int64 // uploads that were answered before their entry was written
	Restored int64 // entries of duplicates that had none
	Dropped  int64 // entries that are missing until the catalogue is rebuilt
}

type counters struct{ batches, written, failures, late, restored, dropped atomic.Int64 }

// Stats returns the counts.
func (c *Catalogue) Stats() Stats {
	s := &c.stats
	return Stats{
		Queued: c.entries.Len(), Looking: c.duplicates.Len(),
		Batches: s.batches.Load(), Written: s.written.Load(), Failures: s.failures.Load(),
		Late: s.late.Load(), Restored: s.restored.Load(), Dropped: s.dropped.Load(),
	}
}
