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
	_, full := then.admit(plan)
	return full
}
