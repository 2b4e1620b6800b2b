//go:build !long

package doctor

// mutations is how many policies with a mistake are drawn.
const mutations = 20
