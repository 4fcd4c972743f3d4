-- Columns that hold what is encrypted are known by their comment.
alter table browser_sessions modify column agent varbinary(1024) null comment 'sealed';
