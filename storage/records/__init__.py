"""What people enter: small, transactional, audited. SQLite beside the tickets, or the PostgreSQL named by WEISU_RECORDS_URL."""
