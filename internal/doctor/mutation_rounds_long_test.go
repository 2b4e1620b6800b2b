//go:build long

package doctor

const mutations = 1000
