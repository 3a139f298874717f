"""One server for everybody who asks: Prometheus's clients, our own command line, browsers, jobs that report, orchestrators.

It listens before the rest of the daemon is up, so that the first results can be seen at once; what is not there yet answers
503. Each route is a row of a table (method, path, who may, handler), and one place looks after all of them: who calls, from
where, how errors are said in the dialect of the route, what is counted. Handlers read parts and return answers.
"""
