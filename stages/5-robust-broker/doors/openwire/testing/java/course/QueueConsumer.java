import javax.jms.Connection;
import javax.jms.JMSException;
import javax.jms.MessageConsumer;
import javax.jms.Session;
import javax.jms.TextMessage;
import org.apache.activemq.ActiveMQConnectionFactory;

/** Reads queue-test with a listener, at the url that the client takes when it is told none, until it is ended. */
public class QueueConsumer {
    public static void main(String[] args) throws JMSException {
        Connection connection = new ActiveMQConnectionFactory().createConnection();
        connection.start();
        Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
        MessageConsumer consumer = session.createConsumer(session.createQueue("queue-test"));
        consumer.setMessageListener(message -> {
            try {
                System.out.println("接收消息：" + ((TextMessage) message).getText());
            } catch (JMSException error) {
                error.printStackTrace();
            }
        });
    }
}
