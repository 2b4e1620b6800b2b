package controlplane

// ListAtMost has answers without pages list n organizations, instead of as many as a test
// would take minutes to make.
func (s *Server) ListAtMost(n int) { s.listed = n }
