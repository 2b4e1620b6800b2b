package reconcile

// Room returns a *BeyondRepair if the account has no room for what plan creates, after
// what it deletes.
func (q *Quotas) Room(plan []Step) error {
	then := &Quotas{quotas: q.Used()}
	for _, step := range plan {
		switch step.(type) {
		case DeleteAccessPoint, DeleteSessionPolicy:
			then.done(step)
		}
	}
	_, full := admit(then.quotas, plan)
	return full
}

// booking is room that is kept for one plan, so that organizations that are made at the
// same time do not all take the last of it.
type booking struct {
	quotas *Quotas
	steps  []Step // not made yet
}

// book returns what there is room for, as admit does, and keeps that room until it is made
// or released.
func (q *Quotas) book(plan []Step) ([]Step, *booking, error) {
	if q == nil {
		return plan, nil, nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	admitted, full := admit(q.used(), plan)
	b := &booking{quotas: q}
	for _, step := range admitted {
		if len(needs(step)) > 0 {
			b.steps = append(b.steps, step)
			q.keep(step, 1)
		}
	}
	return admitted, b, full
}

// keep books a step, or with -1 ends that.
func (q *Quotas) keep(step Step, n int) {
	for name, changed := range counts(step) {
		q.booked[name] += n * changed
	}
}

// made counts a step that was made, in place of its booking: nobody sees both.
func (b *booking) made(step Step) {
	if b == nil {
		return
	}
	b.quotas.mu.Lock()
	defer b.quotas.mu.Unlock()
	b.quotas.count(step)
	if len(b.steps) > 0 && b.steps[0] == step {
		b.release(1)
	}
}

// close ends what is left of the booking.
func (b *booking) close() {
	if b == nil {
		return
	}
	b.quotas.mu.Lock()
	defer b.quotas.mu.Unlock()
	b.release(len(b.steps))
}

func (b *booking) release(n int) {
	for _, step := range b.steps[:n] {
		b.quotas.keep(step, -1)
	}
	b.steps = b.steps[n:]
}
