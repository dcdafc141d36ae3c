/* Pages of theory before those of the API. */
var Scorer = {
  score: ([docname, , , , score]) => score + (/^(theory|symbols|how_to|tutorials)/.test(docname) ? 20 : /^api\//.test(docname) ? -20 : 0),
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
