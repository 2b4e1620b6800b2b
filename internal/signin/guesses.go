package signin

import (
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// The rate at which a user may try user codes: slips of the finger, and no search.
const (
	guessBurst = 10
	guessEvery = 6 * time.Second
	guessUsers = 4096 // that are remembered, 100 bytes each
)

// guesses counts the user codes that users try.
type guesses struct {
	users *lru.Cache[string, *rate.Limiter]
}

func newGuesses() *guesses {
	users, err := lru.New[string, *rate.Limiter](guessUsers)
	if err != nil {
		panic("signin: " + err.Error()) // only a size below 1 is refused
	}
	return &guesses{users}
}

func (g *guesses) allow(user string) bool {
	limiter := rate.NewLimiter(rate.Every(guessEvery), guessBurst)
	if known, ok, _ := g.users.PeekOrAdd(user, limiter); ok {
		limiter = known
	}
	return limiter.Allow()
}
