// What programs on pgjdbc do, one line of output a result: java -cp postgresql.jar Works.java URL USER PASSWORD WORK

import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Properties;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;

public class Works {
    public static void main(String[] given) throws Exception {
        Properties properties = new Properties();
        properties.setProperty("user", given[1]);
        properties.setProperty("password", given[2]);
        try (Connection connection = DriverManager.getConnection(given[0], properties)) {
            switch (given[3]) {
                case "results" -> results(connection);
                case "prepared" -> prepared(connection);
                case "fetched" -> fetched(connection);
                case "batch" -> batch(connection);
                case "copy" -> copy(connection);
                case "metadata" -> metadata(connection);
                case "errors" -> errors(connection);
                case "cancel" -> cancel(connection);
                case "cards" -> cards(connection);
                default -> failing(connection, given[3]);
            }
        }
    }

    static void show(ResultSet rows) throws SQLException {
        int columns = rows.getMetaData().getColumnCount();
        while (rows.next()) {
            StringBuilder line = new StringBuilder();
            for (int i = 1; i <= columns; i++) {
                line.append(i > 1 ? "|" : "").append(rows.getString(i));
            }
            System.out.println(line);
        }
    }

    static void results(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            show(statement.executeQuery("select id, name, created from customers order by id limit 5"));
            boolean more = statement.execute("select 1; select 'two'; select null::text");
            while (more) {
                show(statement.getResultSet());
                more = statement.getMoreResults();
            }
        }
    }

    static void prepared(Connection connection) throws SQLException {
        String sql = "select id, total, status, placed from orders where id between ? and ? and total > ? order by id";
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            for (int round = 0; round < 12; round++) { // from the fifth on a server-side statement, answered in binary
                statement.setInt(1, round);
                statement.setInt(2, round + 3);
                statement.setBigDecimal(3, new BigDecimal("0.01"));
                show(statement.executeQuery());
            }
        }
    }

    static void fetched(Connection connection) throws SQLException {
        connection.setAutoCommit(false);
        try (Statement statement = connection.createStatement()) {
            statement.setFetchSize(7);
            ResultSet rows = statement.executeQuery("select id, status from orders order by id");
            int count = 0;
            while (rows.next()) {
                count++;
            }
            System.out.println(count);
        }
        connection.commit();
    }

    static void batch(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute("create temp table batched (id serial primary key, text text, at timestamptz)");
        }
        connection.setAutoCommit(false);
        String sql = "insert into batched (text, at) values (?, '2026-01-01')";
        try (PreparedStatement statement = connection.prepareStatement(sql, Statement.RETURN_GENERATED_KEYS)) {
            for (int i = 0; i < 1000; i++) {
                statement.setString(1, "row " + i);
                statement.addBatch();
            }
            System.out.println(statement.executeBatch().length);
            ResultSet keys = statement.getGeneratedKeys();
            keys.next();
            System.out.println(keys.getLong(1));
        }
        connection.rollback();
        connection.setAutoCommit(true);
        try (Statement statement = connection.createStatement()) {
            show(statement.executeQuery("select count(*) from batched"));
        }
    }

    static void copy(Connection connection) throws Exception {
        try (Statement statement = connection.createStatement()) {
            statement.execute("create temp table copied (id int, text text)");
        }
        CopyManager manager = connection.unwrap(PGConnection.class).getCopyAPI();
        System.out.println(manager.copyIn("copy copied from stdin", new StringReader("1\tone\n2\t\\N\n".repeat(5000))));
        StringWriter writer = new StringWriter();
        String query = "copy (select id, count(*) from copied group by id order by id) to stdout (format csv)";
        System.out.println(manager.copyOut(query, writer));
        System.out.print(writer);
    }

    static void metadata(Connection connection) throws SQLException {
        DatabaseMetaData data = connection.getMetaData();
        System.out.println(data.getDatabaseProductName() + " " + data.getDatabaseProductVersion());
        show(data.getTables(null, "public", "%", new String[] {"TABLE"}));
        show(data.getColumns(null, "public", "customers", "%"));
        show(data.getPrimaryKeys(null, "public", "customers"));
        show(data.getImportedKeys(null, "public", "orders"));
        show(data.getIndexInfo(null, "public", "orders", false, true));
    }

    static void errors(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            try {
                statement.execute("select 1/0");
            } catch (SQLException error) {
                System.out.println(error.getSQLState() + " " + error.getMessage());
            }
            show(statement.executeQuery("select 'goes on'"));
        }
        connection.setAutoCommit(false);
        try (Statement statement = connection.createStatement()) {
            statement.execute("select 1");
            java.sql.Savepoint before = connection.setSavepoint("before");
            try {
                statement.execute("select * from no_such_table");
            } catch (SQLException error) {
                System.out.println(error.getSQLState());
            }
            connection.rollback(before);
            show(statement.executeQuery("select 'after the savepoint'"));
        }
        connection.commit();
    }

    static void cancel(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.setQueryTimeout(1);
            try {
                statement.execute("select pg_sleep(60)");
            } catch (SQLException error) {
                System.out.println(error.getSQLState());
            }
            statement.setQueryTimeout(0);
            show(statement.executeQuery("select 'goes on'"));
        }
    }

    static void cards(Connection connection) throws SQLException {
        String sql = "select id, card_number from customers where id < ? order by id";
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            for (int round = 0; round < 8; round++) {
                statement.setInt(1, 4);
                show(statement.executeQuery());
            }
        }
    }

    static void failing(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute(sql);
        } catch (SQLException error) {
            System.out.println(error.getSQLState() + " " + error.getMessage());
        }
        try (Statement statement = connection.createStatement()) {
            show(statement.executeQuery("select 'goes on'"));
        }
    }
}
